//! How fast a snapshot of 100,000 workers is read, by format. Numbers for `docs/measurements.md`; no promise hangs on
//! them. `MIRABELLE_BENCH_WORKERS` makes it another number.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench that can't go on stops; criterion's macros make items"
)]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mirabelle_hris::{Asked, Limits, Profile, Reading, Report, System};

struct Body {
    name: &'static str,
    system: System,
    text: String,
}

fn bodies(workers: usize) -> Vec<Body> {
    let around = |before: &str, row: &dyn Fn(usize) -> String, between: &str, after: &str| {
        let mut text = before.to_owned();
        for n in 0..workers {
            if n > 0 {
                text.push_str(between);
            }
            text.push_str(&row(n));
        }
        text.push_str(after);
        text
    };
    let raas = |n: usize| {
        format!(
            r#"{{"Employee_ID":"{n:06}","WID":"c0ffee{n:026}","Worker_Status":"Active","Hire_Date":"2020-0{}-15-08:00","Original_Hire_Date":"2015-03-02-08:00","Date_of_Birth":"1988-02-29-08:00","First_Name":"Given{n}","Last_Name":"Family{n}","Email":"p{n}@example.com","Department":"Department {}","Country":"US","Location":"Portland","Time_Zone":"America/Los_Angeles","Manager_Employee_ID":"{:06}"}}"#,
            n % 9 + 1,
            n % 40,
            n / 10
        )
    };
    let sync = |n: usize| {
        format!(
            "<ws:Worker><ws:Summary><ws:WID>c0ffee{n:026}</ws:WID><ws:Employee_ID>{n:06}</ws:Employee_ID><ws:Name>Given{n} Family{n}</ws:Name></ws:Summary>\
             <ws:Personal><ws:Birth_Date>1988-02-29</ws:Birth_Date><ws:Email_Data><ws:Email_Address>p{n}@example.com</ws:Email_Address></ws:Email_Data></ws:Personal>\
             <ws:Status><ws:Employee_Status>Active</ws:Employee_Status><ws:Active>true</ws:Active><ws:Hire_Date>2020-03-15</ws:Hire_Date><ws:Original_Hire_Date>2015-03-02</ws:Original_Hire_Date>\
             <ws:Terminated>false</ws:Terminated></ws:Status><ws:Position><ws:Business_Site_Name>Portland</ws:Business_Site_Name><ws:Supervisor_ID>{:06}</ws:Supervisor_ID></ws:Position></ws:Worker>",
            n / 10
        )
    };
    let person = |n: usize| {
        format!(
            r#"{{"__metadata":{{"type":"SFOData.PerPerson"}},"personIdExternal":"P{n:06}","dateOfBirth":"/Date(573091200000)/","personalInfoNav":{{"results":[{{"startDate":"/Date(1584230400000)/","firstName":"Given{n}","lastName":"Family{n}"}}]}},"employmentNav":{{"results":[{{"assignmentClass":"ST","userId":"{n:06}","startDate":"/Date(1584230400000)/","originalStartDate":"/Date(1425254400000)/","endDate":null,"jobInfoNav":{{"results":[{{"startDate":"/Date(1584230400000)/","emplStatus":"A","department":"D{}","countryOfCompany":"USA","timezone":"US/Pacific"}}]}}}}]}}}}"#,
            n % 40
        )
    };
    let table = {
        let mut text = "Employee_ID,Worker_Status,Hire_Date,Original_Hire_Date,Date_of_Birth,First_Name,Last_Name,Email,Department\n".to_owned();
        for n in 0..workers {
            writeln!(text, "{n:06},Active,2020-03-15,2015-03-02,1988-02-29,Given{n},Family{n},p{n}@example.com,\"Department, {}\"", n % 40).unwrap();
        }
        text
    };
    vec![
        Body {
            name: "raas_json",
            system: System::Workday,
            text: around("{\"Report_Entry\":[", &raas, ",", "]}"),
        },
        Body { name: "raas_csv", system: System::Workday, text: table },
        Body {
            name: "worker_sync_xml",
            system: System::Workday,
            text: around(
                "<ws:Worker_Sync xmlns:ws=\"urn:com.workday/workersync\">",
                &sync,
                "\n",
                "</ws:Worker_Sync>",
            ),
        },
        Body {
            name: "odata_json",
            system: System::SuccessFactors,
            text: around("{\"d\":{\"results\":[", &person, ",", "]}}"),
        },
    ]
}

fn snapshots(criterion: &mut Criterion) {
    let workers =
        std::env::var("MIRABELLE_BENCH_WORKERS").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let limits = Limits::pull();
    let asked = Asked { today: Some("2026-06-15".parse().unwrap()), ..Asked::default() };
    let mut group = criterion.benchmark_group(format!("snapshot_of_{workers}"));
    group.sample_size(10);
    for body in bodies(workers) {
        let profile = Profile::default_for(body.system);
        group.throughput(Throughput::Elements(workers as u64));
        group.bench_function(body.name, |bencher| {
            bencher.iter(|| {
                let reading = Reading::open(&profile, &asked, None, body.text.as_bytes(), &limits).unwrap();
                let mut read = 0;
                let taken: Result<(), ()> = reading.each(|item| {
                    read += usize::from(matches!(black_box(item).outcome, Ok(Report::Worker(_))));
                    Ok(())
                });
                taken.unwrap();
                assert_eq!(read, workers);
            });
        });
        if let Some(peak) = peak() {
            println!(
                "{}: {} MiB of body, peak of the process so far {peak} MiB",
                body.name,
                body.text.len() >> 20
            );
        }
    }
    group.finish();
}

/// Peak resident memory of this process in MiB, where the system tells it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? >> 10)
}

criterion_group!(benches, snapshots);
criterion_main!(benches);
