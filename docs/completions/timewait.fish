# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_timewait_global_optspecs
    string join \n color= h/help V/version
end

function __fish_timewait_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_timewait_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_timewait_using_subcommand
    set -l cmd (__fish_timewait_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c timewait -n "__fish_timewait_needs_command" -l color -d 'Colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into a pipe or a file'
never\t'Not at all'"
complete -c timewait -n "__fish_timewait_needs_command" -s h -l help -d 'Print help'
complete -c timewait -n "__fish_timewait_needs_command" -s V -l version -d 'Print version'
complete -c timewait -n "__fish_timewait_needs_command" -f -a "demo" -d 'The article, live: the close, the failed restart, and the cure'
complete -c timewait -n "__fish_timewait_needs_command" -f -a "serve" -d 'The article\'s server: says one line to each client, closes first'
complete -c timewait -n "__fish_timewait_needs_command" -f -a "connect" -d 'A telnet that tells how the connection ended, and who waits'
complete -c timewait -n "__fish_timewait_needs_command" -f -a "load" -d 'Opens connections on this machine at a rate, and counts what fails'
complete -c timewait -n "__fish_timewait_needs_command" -f -a "ls" -d 'Sockets in TIME-WAIT (or any state): addresses, seconds left, owners'
complete -c timewait -n "__fish_timewait_needs_command" -f -a "watch" -d 'Who closes first, and which process makes the TIME-WAIT sockets'
complete -c timewait -n "__fish_timewait_needs_command" -f -a "why" -d 'Would bind(2) succeed here? If not: who, why, until when, what to do'
complete -c timewait -n "__fish_timewait_needs_command" -f -a "ports" -d 'The budget of local ports, by destination, with a forecast'
complete -c timewait -n "__fish_timewait_needs_command" -f -a "doctor" -d 'This host\'s settings, or sysctl files, against what they really do'
complete -c timewait -n "__fish_timewait_needs_command" -f -a "free" -d 'Ends the sockets in TIME-WAIT that hold a port (asks first)'
complete -c timewait -n "__fish_timewait_needs_command" -f -a "lab" -d 'Each claim about TIME-WAIT, tried on this kernel'
complete -c timewait -n "__fish_timewait_needs_command" -f -a "model" -d 'Every interleaving of two TCPs and a bad network: why two MSL'
complete -c timewait -n "__fish_timewait_needs_command" -f -a "generate" -d 'Man pages and shell completions'
complete -c timewait -n "__fish_timewait_using_subcommand demo" -l color -d 'Colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into a pipe or a file'
never\t'Not at all'"
complete -c timewait -n "__fish_timewait_using_subcommand demo" -l act -d 'Perform one act, as a child of the demo' -r
complete -c timewait -n "__fish_timewait_using_subcommand demo" -l port -d 'Perform it on this port of loopback, not in a network namespace of its own' -r
complete -c timewait -n "__fish_timewait_using_subcommand demo" -l pause -d 'Wait for Enter between the steps'
complete -c timewait -n "__fish_timewait_using_subcommand demo" -l json -d 'Print the observations as JSON'
complete -c timewait -n "__fish_timewait_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c timewait -n "__fish_timewait_using_subcommand serve" -l color -d 'Colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into a pipe or a file'
never\t'Not at all'"
complete -c timewait -n "__fish_timewait_using_subcommand serve" -l backlog -d 'Connections that may wait for accept; a burst overflows the article\'s 32' -r
complete -c timewait -n "__fish_timewait_using_subcommand serve" -l message -d 'What to say to each client [default: the article\'s 22 bytes]' -r
complete -c timewait -n "__fish_timewait_using_subcommand serve" -l linger -d 'Set SO_LINGER; 0: close by an RST, no TIME-WAIT' -r
complete -c timewait -n "__fish_timewait_using_subcommand serve" -l close-first -d 'Who closes first, and so waits: server or client' -r -f -a "server\t'The server'
client\t'The client'"
complete -c timewait -n "__fish_timewait_using_subcommand serve" -l patience -d 'How long a client is waited for that does not read, or is to close first and does not' -r
complete -c timewait -n "__fish_timewait_using_subcommand serve" -l connections -d 'Stop after so many connections' -r
complete -c timewait -n "__fish_timewait_using_subcommand serve" -l threads -d 'Threads that accept, with -q [default: a core each]' -r
complete -c timewait -n "__fish_timewait_using_subcommand serve" -l no-reuseaddr -d 'Leave out SO_REUSEADDR: the article\'s first program'
complete -c timewait -n "__fish_timewait_using_subcommand serve" -l reuseport -d 'Set SO_REUSEPORT as well'
complete -c timewait -n "__fish_timewait_using_subcommand serve" -l separate-fin -d 'The FIN in a segment of its own, as the article\'s'
complete -c timewait -n "__fish_timewait_using_subcommand serve" -l v6only -d 'On an IPv6 address, take no IPv4 connections'
complete -c timewait -n "__fish_timewait_using_subcommand serve" -s q -l quiet -d 'No line a client'
complete -c timewait -n "__fish_timewait_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c timewait -n "__fish_timewait_using_subcommand connect" -l color -d 'Colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into a pipe or a file'
never\t'Not at all'"
complete -c timewait -n "__fish_timewait_using_subcommand connect" -l from -d 'Bind this address, or address and port, first' -r
complete -c timewait -n "__fish_timewait_using_subcommand connect" -l close-first -d 'server: wait for it to close; client: close once something was heard' -r -f -a "server\t'The server'
client\t'The client'"
complete -c timewait -n "__fish_timewait_using_subcommand connect" -l timeout -d 'How long to wait for the connection, and through a silence' -r
complete -c timewait -n "__fish_timewait_using_subcommand connect" -s q -l quiet -d 'Print only what the peer says'
complete -c timewait -n "__fish_timewait_using_subcommand connect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c timewait -n "__fish_timewait_using_subcommand load" -l color -d 'Colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into a pipe or a file'
never\t'Not at all'"
complete -c timewait -n "__fish_timewait_using_subcommand load" -l rate -d 'Connections a second [default: as fast as possible]' -r
complete -c timewait -n "__fish_timewait_using_subcommand load" -l connections -d 'Stop after so many connections' -r
complete -c timewait -n "__fish_timewait_using_subcommand load" -l duration -d 'Stop after so long' -r
complete -c timewait -n "__fish_timewait_using_subcommand load" -l concurrency -d 'How many may be open at a time' -r
complete -c timewait -n "__fish_timewait_using_subcommand load" -l close-first -d 'server, client, or rst: we end it by an RST' -r -f -a "server\t'The server closes first'
client\t'We close first, once something was heard'
rst\t'We end it by an RST, once something was heard'"
complete -c timewait -n "__fish_timewait_using_subcommand load" -l from -d 'Connect from these in turn: a list, or a prefix' -r
complete -c timewait -n "__fish_timewait_using_subcommand load" -l say -d 'Say this first; \\r and \\n as such' -r
complete -c timewait -n "__fish_timewait_using_subcommand load" -l exhaust -d 'Go on beyond half of the local ports'
complete -c timewait -n "__fish_timewait_using_subcommand load" -l json -d 'Print one JSON object at the end'
complete -c timewait -n "__fish_timewait_using_subcommand load" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c timewait -n "__fish_timewait_using_subcommand ls" -l color -d 'Colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into a pipe or a file'
never\t'Not at all'"
complete -c timewait -n "__fish_timewait_using_subcommand ls" -s s -l state -d 'Sockets in these states' -r
complete -c timewait -n "__fish_timewait_using_subcommand ls" -l by -d 'A line for each local, peer, state or process' -r -f -a "local\t''
peer\t''
state\t''
process\t''"
complete -c timewait -n "__fish_timewait_using_subcommand ls" -l sort -d 'In the order of left, local, peer or count' -r -f -a "left\t''
local\t''
peer\t''
count\t''"
complete -c timewait -n "__fish_timewait_using_subcommand ls" -l limit -d 'No more lines than this' -r
complete -c timewait -n "__fish_timewait_using_subcommand ls" -l netns -d 'Look in another network namespace' -r
complete -c timewait -n "__fish_timewait_using_subcommand ls" -l local -d 'ADDRESS is meant for this side'
complete -c timewait -n "__fish_timewait_using_subcommand ls" -l peer -d 'ADDRESS is meant for the other side'
complete -c timewait -n "__fish_timewait_using_subcommand ls" -s l -l listening -d 'Sockets that listen'
complete -c timewait -n "__fish_timewait_using_subcommand ls" -s a -l all -d 'Sockets in every state'
complete -c timewait -n "__fish_timewait_using_subcommand ls" -s c -l count -d 'Only how many there are'
complete -c timewait -n "__fish_timewait_using_subcommand ls" -l all-netns -d 'Look in every network namespace (root)'
complete -c timewait -n "__fish_timewait_using_subcommand ls" -l json -d 'A JSON object a line'
complete -c timewait -n "__fish_timewait_using_subcommand ls" -s v -l verbose -d 'Also timers, queues, users, inodes and cookies'
complete -c timewait -n "__fish_timewait_using_subcommand ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c timewait -n "__fish_timewait_using_subcommand watch" -l color -d 'Colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into a pipe or a file'
never\t'Not at all'"
complete -c timewait -n "__fish_timewait_using_subcommand watch" -l for -d 'For how long [default: until Ctrl-C]' -r
complete -c timewait -n "__fish_timewait_using_subcommand watch" -l netns -d 'Look in another network namespace' -r
complete -c timewait -n "__fish_timewait_using_subcommand watch" -s e -l each -d 'A line for each connection that closes'
complete -c timewait -n "__fish_timewait_using_subcommand watch" -l no-probe -d 'Sample the socket table, also where a probe is permitted'
complete -c timewait -n "__fish_timewait_using_subcommand watch" -s q -l quiet -d 'Print the result alone: no notes, no live line'
complete -c timewait -n "__fish_timewait_using_subcommand watch" -l json -d 'A JSON object a line: each connection that closes, then the sums'
complete -c timewait -n "__fish_timewait_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c timewait -n "__fish_timewait_using_subcommand why" -l color -d 'Colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into a pipe or a file'
never\t'Not at all'"
complete -c timewait -n "__fish_timewait_using_subcommand why" -l to -d 'Would connect(2) to there find a local port?' -r
complete -c timewait -n "__fish_timewait_using_subcommand why" -l from -d 'With --to: from this address' -r
complete -c timewait -n "__fish_timewait_using_subcommand why" -l pid -d 'Would the restart of its listeners fail?' -r
complete -c timewait -n "__fish_timewait_using_subcommand why" -l flags -d 'Options of the socket' -r
complete -c timewait -n "__fish_timewait_using_subcommand why" -l uid -d 'The user who will bind [default: this one]' -r
complete -c timewait -n "__fish_timewait_using_subcommand why" -l device -d 'The interface that the socket will be bound to' -r
complete -c timewait -n "__fish_timewait_using_subcommand why" -l netns -d 'Look in another network namespace' -r
complete -c timewait -n "__fish_timewait_using_subcommand why" -l timeout -d 'With --wait: at most so long' -r
complete -c timewait -n "__fish_timewait_using_subcommand why" -l listening -d 'Would the restart of any listener fail?'
complete -c timewait -n "__fish_timewait_using_subcommand why" -l rows -d 'Show all sockets, not 20 of a kind'
complete -c timewait -n "__fish_timewait_using_subcommand why" -l wait -d 'Wait until it would succeed'
complete -c timewait -n "__fish_timewait_using_subcommand why" -l try -d 'Try a bind on this host in any case'
complete -c timewait -n "__fish_timewait_using_subcommand why" -l no-try -d 'Try no bind on this host'
complete -c timewait -n "__fish_timewait_using_subcommand why" -l no-peek -d 'Read no options of other processes\' listeners'
complete -c timewait -n "__fish_timewait_using_subcommand why" -l json -d 'Print one JSON object'
complete -c timewait -n "__fish_timewait_using_subcommand why" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c timewait -n "__fish_timewait_using_subcommand ports" -l color -d 'Colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into a pipe or a file'
never\t'Not at all'"
complete -c timewait -n "__fish_timewait_using_subcommand ports" -l watch -d 'Watch for so long (2s to 60s), then foretell [default: 10s]' -r
complete -c timewait -n "__fish_timewait_using_subcommand ports" -l threshold -d 'Bad news from this share of the ports on [default: the half]' -r
complete -c timewait -n "__fish_timewait_using_subcommand ports" -l netns -d 'Look in another network namespace' -r
complete -c timewait -n "__fish_timewait_using_subcommand ports" -l rows -d 'Show all destinations, not the fullest 20'
complete -c timewait -n "__fish_timewait_using_subcommand ports" -l all-netns -d 'Look in every network namespace (root)'
complete -c timewait -n "__fish_timewait_using_subcommand ports" -l json -d 'Print JSON'
complete -c timewait -n "__fish_timewait_using_subcommand ports" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c timewait -n "__fish_timewait_using_subcommand doctor" -l color -d 'Colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into a pipe or a file'
never\t'Not at all'"
complete -c timewait -n "__fish_timewait_using_subcommand doctor" -l kernel -d 'Judge FILE for this version [default: the running one]' -r
complete -c timewait -n "__fish_timewait_using_subcommand doctor" -l netns -d 'Look in another network namespace' -r
complete -c timewait -n "__fish_timewait_using_subcommand doctor" -l all-netns -d 'Look in every network namespace (root)'
complete -c timewait -n "__fish_timewait_using_subcommand doctor" -l no-peek -d 'Read no options of other processes\' listeners'
complete -c timewait -n "__fish_timewait_using_subcommand doctor" -l json -d 'Print JSON'
complete -c timewait -n "__fish_timewait_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c timewait -n "__fish_timewait_using_subcommand free" -l color -d 'Colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into a pipe or a file'
never\t'Not at all'"
complete -c timewait -n "__fish_timewait_using_subcommand free" -l netns -d 'Look in another network namespace' -r
complete -c timewait -n "__fish_timewait_using_subcommand free" -s y -l yes -d 'Do not ask'
complete -c timewait -n "__fish_timewait_using_subcommand free" -s n -l dry-run -d 'Show what would be ended, and end nothing'
complete -c timewait -n "__fish_timewait_using_subcommand free" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c timewait -n "__fish_timewait_using_subcommand lab" -l color -d 'Colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into a pipe or a file'
never\t'Not at all'"
complete -c timewait -n "__fish_timewait_using_subcommand lab" -l family -d 'Only over this family: ipv4 or ipv6' -r
complete -c timewait -n "__fish_timewait_using_subcommand lab" -l pcap -d 'Write what was on the wires there, a pcapng file each' -r -F
complete -c timewait -n "__fish_timewait_using_subcommand lab" -l report -d 'Write a page that needs nothing else' -r -F
complete -c timewait -n "__fish_timewait_using_subcommand lab" -l act -d 'Play a part in a claim, as a child of who performs it; its words follow' -r
complete -c timewait -n "__fish_timewait_using_subcommand lab" -s a -l all -d 'Also those that need a whole minute or more'
complete -c timewait -n "__fish_timewait_using_subcommand lab" -l article -d 'Only the article\'s own statements, in its order'
complete -c timewait -n "__fish_timewait_using_subcommand lab" -s l -l list -d 'List the claims, and try none'
complete -c timewait -n "__fish_timewait_using_subcommand lab" -l json -d 'Print one JSON object'
complete -c timewait -n "__fish_timewait_using_subcommand lab" -l perform -d 'Perform one claim here, as a child of the lab'
complete -c timewait -n "__fish_timewait_using_subcommand lab" -l contrary -d 'With --perform: in its contrary setup'
complete -c timewait -n "__fish_timewait_using_subcommand lab" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c timewait -n "__fish_timewait_using_subcommand model" -l color -d 'Colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into a pipe or a file'
never\t'Not at all'"
complete -c timewait -n "__fish_timewait_using_subcommand model" -l msl -d 'The maximum segment lifetime, in ticks' -r
complete -c timewait -n "__fish_timewait_using_subcommand model" -l wait -d 'The wait asked about, in ticks [default: 2 MSL]' -r
complete -c timewait -n "__fish_timewait_using_subcommand model" -l losses -d 'How many segments may be lost' -r
complete -c timewait -n "__fish_timewait_using_subcommand model" -l repeats -d 'How many segments may arrive twice' -r
complete -c timewait -n "__fish_timewait_using_subcommand model" -l retransmissions -d 'How many times each is sent again' -r
complete -c timewait -n "__fish_timewait_using_subcommand model" -l every -d 'Sent again within so many ticks' -r
complete -c timewait -n "__fish_timewait_using_subcommand model" -l diagram -d 'Draw TCP\'s states only: text, mermaid or svg' -r -f -a "text\t''
mermaid\t''
svg\t''"
complete -c timewait -n "__fish_timewait_using_subcommand model" -l highlight -d 'With --diagram: mark this state' -r
complete -c timewait -n "__fish_timewait_using_subcommand model" -l both-close -d 'Both sides close at once'
complete -c timewait -n "__fish_timewait_using_subcommand model" -l rst-kills-time-wait -d 'An RST ends TIME-WAIT (RFC 9293), see RFC 1337'
complete -c timewait -n "__fish_timewait_using_subcommand model" -l any-ack-restarts -d 'Any ACK restarts the wait (Linux), not only a FIN'
complete -c timewait -n "__fish_timewait_using_subcommand model" -l reopen-on-newer-syn -d 'A newer SYN opens anew out of TIME-WAIT (RFC 6191)'
complete -c timewait -n "__fish_timewait_using_subcommand model" -l timestamps -d 'Both sides use timestamps (RFC 7323)'
complete -c timewait -n "__fish_timewait_using_subcommand model" -l handshake -d 'The network harms the handshake, too: more states'
complete -c timewait -n "__fish_timewait_using_subcommand model" -l text-apart -d 'Text goes in segments of its own: far more states'
complete -c timewait -n "__fish_timewait_using_subcommand model" -l sweep -d 'Also how the first safe wait moves'
complete -c timewait -n "__fish_timewait_using_subcommand model" -l ladders -d 'The shortest disaster of each unsafe wait'
complete -c timewait -n "__fish_timewait_using_subcommand model" -l json -d 'Print one JSON object'
complete -c timewait -n "__fish_timewait_using_subcommand model" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c timewait -n "__fish_timewait_using_subcommand generate; and not __fish_seen_subcommand_from man completions" -l color -d 'Colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into a pipe or a file'
never\t'Not at all'"
complete -c timewait -n "__fish_timewait_using_subcommand generate; and not __fish_seen_subcommand_from man completions" -s h -l help -d 'Print help'
complete -c timewait -n "__fish_timewait_using_subcommand generate; and not __fish_seen_subcommand_from man completions" -f -a "man" -d 'The man pages'
complete -c timewait -n "__fish_timewait_using_subcommand generate; and not __fish_seen_subcommand_from man completions" -f -a "completions" -d 'A completion script, to standard output'
complete -c timewait -n "__fish_timewait_using_subcommand generate; and __fish_seen_subcommand_from man" -l color -d 'Colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into a pipe or a file'
never\t'Not at all'"
complete -c timewait -n "__fish_timewait_using_subcommand generate; and __fish_seen_subcommand_from man" -s h -l help -d 'Print help'
complete -c timewait -n "__fish_timewait_using_subcommand generate; and __fish_seen_subcommand_from completions" -l color -d 'Colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into a pipe or a file'
never\t'Not at all'"
complete -c timewait -n "__fish_timewait_using_subcommand generate; and __fish_seen_subcommand_from completions" -s h -l help -d 'Print help'
