//! The machine that a bench runs on, and the wait until it is idle.
//!
//! The load average lags behind by a minute: after a build it is high on an idle machine. So the share of 2 s for which
//! the cores were busy decides, and both are reported. Only Linux provides either.

use std::fs;
use std::thread;
use std::time::Duration;

/// The duration of one sample of the cores.
const SAMPLE: Duration = Duration::from_secs(2);

/// The maximum number of samples before a bench gives up: 3 minutes.
const SAMPLES: usize = 90;

/// The machine is idle if all cores together were busy for less than this share of a sample.
const IDLE: f64 = 0.5;

/// The processor, which is the same before and after a bench.
pub(crate) struct Machine {
    cpu: String,
    cores: String,
}

impl Machine {
    pub(crate) fn here() -> Machine {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cores = thread::available_parallelism().map(|cores| cores.to_string());
        Machine {
            cpu: model(&cpuinfo).unwrap_or("unknown").to_owned(),
            cores: cores.unwrap_or_else(|_| "unknown".to_owned()),
        }
    }

    /// Returns the facts for `RESULTS.md`, one on each line, with the loads at the start and at the end.
    pub(crate) fn facts(&self, start: &str, end: &str) -> String {
        format!("{}load at the end: {end}\n", self.facts_at_start(start))
    }

    /// Returns the facts that are known at the start, one on each line.
    pub(crate) fn facts_at_start(&self, start: &str) -> String {
        let Machine { cpu, cores } = self;
        format!("CPU: {cpu}\ncores: {cores}\nload at the start: {start}\n")
    }
}

/// Returns the name of the processor in `/proc/cpuinfo`.
fn model(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

/// Waits up to 3 minutes until the cores are idle, and returns the load at that time.
///
/// # Errors
///
/// The cores were busy in every sample. The error has the load of the last sample.
pub(crate) fn wait_until_idle() -> Result<String, String> {
    let mut waits = false;
    let busy = idle(SAMPLES, || {
        let busy = busy_share();
        if busy.is_some_and(|busy| busy >= IDLE) && !waits {
            waits = true;
            println!("waiting for an idle machine: {}", described(busy, &loadavg()));
        }
        busy
    });
    match busy {
        Ok(busy) => Ok(described(busy, &loadavg())),
        Err(busy) => Err(format!(
            "the machine was not idle within {} s; the last sample: {}. A bench needs cores that are busy for less \
             than {:.0} %, otherwise it measures other programs too. Stop them, and run the bench again",
            SAMPLES * SAMPLE.as_secs() as usize,
            described(Some(busy), &loadavg()),
            IDLE * 100.0
        )),
    }
}

/// Returns the load of the machine now. This takes 2 s.
pub(crate) fn load() -> String {
    described(busy_share(), &loadavg())
}

fn loadavg() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default()
}

/// Returns the load as text. `/proc/loadavg` begins with the averages of the last 1, 5 and 15 minutes.
fn described(busy: Option<f64>, loadavg: &str) -> String {
    let averages: Vec<_> = loadavg.split(' ').take(3).collect();
    match busy {
        Some(busy) => format!("cores busy for {:.0} %, load average {}", busy * 100.0, averages.join(" ")),
        None => "unknown, because only Linux provides it".to_owned(),
    }
}

/// Takes up to `samples` samples, and returns the first below [`IDLE`]. Returns `None` if the system has no samples.
///
/// # Errors
///
/// Returns the last sample if none was below [`IDLE`].
fn idle(samples: usize, mut sample: impl FnMut() -> Option<f64>) -> Result<Option<f64>, f64> {
    let mut last = 0.0;
    for _ in 0..samples {
        match sample() {
            Some(busy) if busy >= IDLE => last = busy,
            idle => return Ok(idle),
        }
    }
    Err(last)
}

/// Returns the share of the time for which all cores together are busy; `None` if the system does not provide it.
fn busy_share() -> Option<f64> {
    let now = || times(&fs::read_to_string("/proc/stat").ok()?);
    let before = now()?;
    thread::sleep(SAMPLE);
    share(before, now()?)
}

/// The busy time and the total time of all cores together since the start of the system, in ticks.
type Times = (u64, u64);

/// Parses the first line of `/proc/stat`: `cpu user nice system idle iowait irq softirq steal ..`. The guest times at
/// its end are part of `user` and `nice`. `steal` is the time of other machines on the same cores.
fn times(stat: &str) -> Option<Times> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let fields: Vec<u64> = fields.take(8).map(|field| field.parse().ok()).collect::<Option<_>>()?;
    let idle = fields.get(3)? + fields.get(4)?;
    let all = fields.iter().sum::<u64>();
    Some((all - idle, all))
}

fn share(before: Times, after: Times) -> Option<f64> {
    let all = after.1.checked_sub(before.1).filter(|all| *all > 0)?;
    // The counters of the system may decrease by a tick.
    Some(after.0.saturating_sub(before.0) as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_busy_except_for_idle_time_and_waits_for_disks() {
        let before = times("cpu  100 10 50 1000 40 5 5 0 7 7\ncpu0 1 1 1 1\n").expect("a first line");
        assert_eq!(before, (170, 1210));
        let after = times("cpu  160 10 60 1090 50 5 5 30 9 9\n").expect("a first line");
        assert_eq!(share(before, after), Some(0.5));
        assert_eq!(share(before, before), None, "no time has passed");
    }

    #[test]
    fn invalid_line_has_no_times() {
        for text in ["", "cpu0 1 2 3 4 5 6 7 8", "cpu  1 2 3", "cpu  1 2 3 x 5 6 7 8"] {
            assert_eq!(times(text), None, "{text:?}");
        }
    }

    #[test]
    fn bench_waits_for_an_idle_sample_and_fails_with_the_last_sample() {
        let after = |samples: &[f64]| {
            let mut samples = samples.iter().copied();
            idle(3, || samples.next())
        };
        assert_eq!(after(&[0.49]), Ok(Some(0.49)));
        assert_eq!(after(&[0.9, 0.5, 0.1]), Ok(Some(0.1)));
        assert_eq!(after(&[0.9, 0.8, 0.7, 0.1]), Err(0.7));
        assert_eq!(after(&[]), Ok(None), "the system has no samples");
    }

    #[test]
    fn load_is_unknown_if_the_system_does_not_provide_it() {
        let shown = described(Some(0.126), "0.20 0.15 0.10 1/108 11222\n");
        assert_eq!(shown, "cores busy for 13 %, load average 0.20 0.15 0.10");
        assert_eq!(described(None, ""), "unknown, because only Linux provides it");
    }

    #[test]
    fn facts_name_the_processor_and_both_loads() {
        assert_eq!(model("processor\t: 0\nmodel name\t: AMD: EPYC\nflags\t: a\n"), Some("AMD: EPYC"));
        assert_eq!(model("processor\t: 0\n"), None);
        let machine = Machine { cpu: "AMD EPYC".to_owned(), cores: "2".to_owned() };
        assert_eq!(
            machine.facts("low", "high"),
            "CPU: AMD EPYC\ncores: 2\nload at the start: low\nload at the end: high\n"
        );
    }
}
