use std::{
    fs::File,
    io::{self, BufWriter, Write},
    os::fd::AsFd as _,
};

use rustix::pipe::{fcntl_getpipe_size, fcntl_setpipe_size};

/// Enough that writing costs little; what fills up is written at once.
const BUFFER: usize = 64 * 1024;
/// As large as a pipe may be made by everybody (linux v6.12 fs/pipe.c `pipe_max_size`).
const PIPE: usize = 1024 * 1024;

/// Standard output without the buffer that is written out line by line.
///
/// A pipe is made larger for what is long: else who writes and who reads wait for each other every 64 KiB.
pub(super) struct Output {
    file: BufWriter<File>,
    may_be_widened: bool,
}

impl Output {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self::over(io::stdout().as_fd().try_clone_to_owned()?.into()))
    }

    fn over(file: File) -> Self {
        Self { file: BufWriter::with_capacity(BUFFER, file), may_be_widened: true }
    }

    #[cold]
    fn widen(&mut self) {
        self.may_be_widened = false;
        let file = self.file.get_ref();
        // No pipe, or one that has its size.
        if fcntl_getpipe_size(file).is_ok_and(|size| size < PIPE) {
            // A user who has many pipes may be refused: this one then stays as it is.
            let _ = fcntl_setpipe_size(file, PIPE);
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.may_be_widened && bytes.len() >= BUFFER {
            self.widen();
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Read as _, os::fd::OwnedFd, thread};

    use super::*;

    const A_LOT: usize = 4 * PIPE;

    #[test]
    fn a_pipe_is_made_larger_for_what_is_long_and_only_for_that() {
        let (reader, writer) = io::pipe().unwrap();
        // As most are made, but not where pages are large.
        fcntl_setpipe_size(&writer, BUFFER).unwrap();
        let before = fcntl_getpipe_size(&reader).unwrap();
        assert!(before < PIPE, "{before}");
        let mut output = Output::over(OwnedFd::from(writer).into());
        output.write_all(&[b'x'; 1_000]).unwrap();
        output.flush().unwrap();
        assert_eq!(fcntl_getpipe_size(&reader).unwrap(), before, "of little it holds enough");
        let all = thread::scope(|scope| {
            let reads = scope.spawn(|| {
                let mut all = Vec::new();
                (&reader).read_to_end(&mut all).unwrap();
                (all, fcntl_getpipe_size(&reader).unwrap())
            });
            output.write_all(&vec![b'y'; A_LOT]).unwrap();
            output.write_all(b"z").unwrap();
            output.flush().unwrap();
            drop(output);
            reads.join().unwrap()
        });
        assert_eq!(all.1, PIPE);
        assert!(all.0 == [&[b'x'; 1_000][..], &vec![b'y'; A_LOT], b"z"].concat(), "{} bytes", all.0.len());
    }

    #[test]
    fn what_is_no_pipe_takes_a_lot_as_well() {
        let file = tempfile::tempfile().unwrap();
        let mut output = Output::over(file.try_clone().unwrap());
        output.write_all(&vec![b'y'; A_LOT]).unwrap();
        output.flush().unwrap();
        assert_eq!(file.metadata().unwrap().len(), A_LOT as u64);
    }
}
