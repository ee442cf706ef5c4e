//! Which claims, and in how many ways.

use anyhow::bail;
use timewait_facts::Untrusted;
use timewait_lab::{Entrant, Family, Job, Pace, Voice, claims};

use crate::{args::Lab, words::lab as words};

/// The claims that the arguments choose, in the order in which they are shown.
pub(super) fn claims(args: &Lab) -> anyhow::Result<Vec<&'static Entrant>> {
    if !args.claims.is_empty() {
        return named(&args.claims);
    }
    let everything = args.all || args.list;
    let of_article = |claim: &&Entrant| matches!(claim.about.by, Voice::Article(_));
    let chosen =
        claims::ALL.iter().filter(|claim| everything || claim.about.pace == Pace::Fast || args.article);
    Ok(chosen.filter(|claim| !args.article || of_article(claim)).collect())
}

/// The claims with these names, each once.
fn named(ids: &[String]) -> anyhow::Result<Vec<&'static Entrant>> {
    let mut claims: Vec<&'static Entrant> = Vec::new();
    for id in ids {
        let claim = find(id)?;
        if claims.iter().all(|known| known.about.id != claim.about.id) {
            claims.push(claim);
        }
    }
    Ok(claims)
}

/// The claim with this name.
///
/// # Errors
/// There is none; the error names those that come near.
pub(super) fn find(id: &str) -> anyhow::Result<&'static Entrant> {
    if let Some(claim) = claims::find(id) {
        return Ok(claim);
    }
    let near: Vec<&str> =
        claims::ALL.iter().map(|claim| claim.about.id).filter(|known| is_near(known, id)).collect();
    bail!("{}", words::no_such_claim(&Untrusted::show(id.as_bytes()).to_string(), &near));
}

/// Whether two names share a word.
fn is_near(known: &str, given: &str) -> bool {
    let given = given.to_ascii_lowercase().replace('_', "-");
    given.split('-').filter(|word| word.len() > 2).any(|word| known.contains(word))
}

/// What is to be done: those that take longest first. In detail, a claim is tried in its contrary setup as well.
pub(super) fn jobs(args: &Lab, claims: &[&'static Entrant]) -> Vec<Job> {
    let in_detail = !args.claims.is_empty();
    let mut jobs = Vec::new();
    for &claim in claims {
        for family in families(args, claim) {
            jobs.push(Job { claim, family, contrary: false });
            if in_detail && claim.contrary.is_some() {
                jobs.push(Job { claim, family, contrary: true });
            }
        }
    }
    jobs.sort_by_key(|job| job.claim.about.pace == Pace::Fast);
    jobs
}

/// Those of the claim that were asked for; if it is made for others only, those.
fn families(args: &Lab, claim: &Entrant) -> Vec<Family> {
    let made_for = claim.about.families;
    let asked: Vec<Family> =
        made_for.iter().copied().filter(|&family| args.family.is_none_or(|asked| asked == family)).collect();
    if asked.is_empty() { made_for.to_vec() } else { asked }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_one_is_answered_by_those_that_share_a_word() {
        let error = find("tcp_fin_timeout").unwrap_err().to_string();
        assert!(error.contains("fin-timeout"), "{error}");
        assert!(find("fin-timeout").is_ok());
        assert!(!find("\u{1b}[31m").unwrap_err().to_string().contains('\u{1b}'));
    }

    #[test]
    fn a_claim_that_is_named_twice_is_tried_once() {
        let ids = ["fin-timeout", "dual-stack", "fin-timeout"].map(str::to_owned);
        let ids: Vec<_> = named(&ids).unwrap().iter().map(|claim| claim.about.id).collect();
        assert_eq!(ids, ["fin-timeout", "dual-stack"]);
    }

    #[test]
    fn every_claim_has_a_name_and_words_of_its_own() {
        for (position, claim) in claims::ALL.iter().enumerate() {
            let others = claims::ALL.iter().skip(position + 1);
            assert!(others.clone().all(|other| other.about.id != claim.about.id), "{}", claim.about.id);
            assert!(others.clone().all(|other| other.about.says != claim.about.says), "{}", claim.about.says);
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(claim.about.id.chars().all(plain), "{}", claim.about.id);
            assert!(!claim.about.families.is_empty());
        }
    }
}
