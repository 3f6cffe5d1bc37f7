//! What is due at an instant, and the commands for it.

use mirabelle_domain::command::{ApplyDue, ConsiderMilestone, ReportMilestone};
use mirabelle_domain::config::Campaign;
use mirabelle_domain::fact::AdoptedVersion;
use mirabelle_domain::time::DAY_MICROS;
use mirabelle_domain::{AccountId, Command, Day, MemberId, Occurrence, TenantId, Timestamp};
use mirabelle_follower::core::derived;
use mirabelle_follower::{Fault, Outgoing, is_stale};
use mirabelle_schemas::record::{Cause, Namespace};

use crate::calendar::tzdb_version;
use crate::core::{Clock, RESEND_AFTER_MICROS, STEP_MAX, Sent};
use crate::looks::Look;
use crate::people::{Task, Who, Yearly};

impl Clock {
    /// The commands of one step.
    pub(crate) fn all_due(&mut self, now: Timestamp) -> Result<Vec<Outgoing>, Fault> {
        self.schedule_changed()?;
        let mut out = Vec::new();
        let stale = |sent: &&mut Sent| is_stale(sent.at, now.0, RESEND_AFTER_MICROS);
        for sent in self.sent.values_mut().filter(stale).take(STEP_MAX) {
            sent.at = now.0;
            out.push(sent.outgoing.clone());
        }
        self.act_on_lots(now, &mut out);
        self.act_on_agenda(now, &mut out)?;
        self.act_on_campaigns(now, &mut out);
        Ok(out)
    }

    fn schedule_changed(&mut self) -> Result<(), Fault> {
        while let Some(who) = self.changed.first().cloned() {
            self.schedule(&who)?;
            self.changed.remove(&who);
        }
        Ok(())
    }

    /// Puts a member's next yearly date and waiting milestones on the agenda.
    fn schedule(&mut self, who: &Who) -> Result<(), Fault> {
        let Some(person) = self.state.people.get(who) else { return Ok(()) };
        let calendar = self.state.settings.calendar(&who.0, person);
        let mut tasks = Vec::new();
        if let Some(day) = person.next_yearly(&self.state.settings, &who.0, self.birthday(who)?) {
            tasks.push((calendar.award_instant(day), Task::Yearly(day)));
        }
        for ((kind, occurrence), day) in person.waiting() {
            tasks.push((calendar.award_instant(day), Task::Consider(*kind, occurrence.clone())));
        }
        self.state.agenda.set(who, tasks);
        Ok(())
    }

    fn act_on_agenda(&mut self, now: Timestamp, out: &mut Vec<Outgoing>) -> Result<(), Fault> {
        // 09:00 of the day after at the easternmost place lies 10 hours before that day's midnight in UTC: far enough.
        let end_of = |day: Day| Timestamp(i64::from(day.0 + 1) * DAY_MICROS);
        let horizon = |tenant: &TenantId| self.pretended(tenant).map_or(now, end_of).max(now);
        for (who, task) in self.state.agenda.due(horizon) {
            if out.len() >= STEP_MAX {
                break;
            }
            match task {
                Task::Yearly(day) => self.send_yearly(&who, day, now, out)?,
                Task::Consider(kind, occurrence) => {
                    let day = self.local_day(&who, now);
                    let effective =
                        self.state.people[&who].milestones_of(kind).find(|(o, _)| **o == occurrence);
                    let on = effective.map_or(day, |(_, effective)| effective);
                    let key = format!("consider.{}.{occurrence}.{on}", kind.name());
                    let command = ConsiderMilestone { kind, occurrence }.into();
                    self.send(&who, key, command, day.max(on), None, now, None, out);
                }
            }
        }
        Ok(())
    }

    fn send_yearly(
        &mut self,
        who: &Who,
        day: Day,
        now: Timestamp,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), Fault> {
        let person = &self.state.people[who];
        let connection = person.connection.clone();
        let dates = person.yearly_through(&self.state.settings, &who.0, self.birthday(who)?, day);
        if dates.is_empty() {
            // A birth date that was erased since.
            return self.schedule(who);
        }
        for date in dates {
            let Yearly { kind, occurrence, day, years } = date;
            let key = format!("{}.{occurrence}.{day}", kind.name());
            let command = ReportMilestone {
                connection: connection.clone(),
                kind,
                occurrence,
                effective: day,
                source_id: None,
                years,
                attributes: Default::default(),
            };
            let local_day = self.local_day(who, now).max(day);
            self.send(who, key, command.into(), local_day, None, now, Some(day), out);
        }
        Ok(())
    }

    fn act_on_lots(&mut self, now: Timestamp, out: &mut Vec<Outgoing>) {
        for (who, due) in self.state.lots.due(now) {
            if out.len() >= STEP_MAX {
                break;
            }
            let day = self.local_day(&who, now);
            self.send(&who, format!("due.{}", due.0), ApplyDue { due }.into(), day, None, now, None, out);
        }
    }

    /// A newly adopted campaign looks at the milestones that are recorded already.
    fn act_on_campaigns(&mut self, now: Timestamp, out: &mut Vec<Outgoing>) {
        let (come, ahead) =
            std::mem::take(&mut self.state.campaigns).into_iter().partition(|(at, ..)| *at <= now);
        self.state.campaigns = ahead;
        let come: Vec<(Timestamp, u16, AdoptedVersion, TenantId)> = come;
        for (_, partition, version, tenant) in come {
            let Ok(campaign) = serde_json::from_str::<Campaign>(&version.body) else { continue };
            for (who, occurrence, day) in self.covered(&campaign, partition, &tenant, now) {
                let (number, kind, effective_at) = (version.number, campaign.milestone, version.effective_at);
                let look = Look { who, number, kind, occurrence, day, effective_at, attempt: 0 };
                self.state.looks.add(look);
            }
        }
        let room = STEP_MAX.saturating_sub(out.len());
        for look in self.state.looks.due(room, |id| self.sent.contains_key(id)) {
            let day = self.local_day(&look.who, now);
            self.send(&look.who, look.key(), look.command().into(), day, None, now, None, out);
        }
    }

    fn covered(
        &self,
        campaign: &Campaign,
        partition: u16,
        tenant: &TenantId,
        now: Timestamp,
    ) -> Vec<(Who, Occurrence, Day)> {
        let earliest = now.utc_day().plus(-1 - i32::try_from(campaign.look_back_days).unwrap_or(i32::MAX));
        let mut covered = Vec::new();
        for (who, person) in self.state.people.range((tenant.clone(), MemberId([0; 16]))..) {
            if who.0 != *tenant {
                break;
            }
            let account = AccountId::member(who.0.clone(), who.1);
            if mirabelle_schemas::partition_of(&account, self.partitions) != partition {
                continue;
            }
            let in_reach = |day: &Day| *day >= campaign.starts_on.max(earliest);
            let milestones = person.milestones_of(campaign.milestone).filter(|(_, day)| in_reach(day));
            covered.extend(milestones.map(|(occurrence, day)| (who.clone(), occurrence.clone(), day)));
        }
        covered
    }

    fn local_day(&self, who: &Who, now: Timestamp) -> Day {
        let calendar = self.state.people.get(who).map(|person| self.state.settings.calendar(&who.0, person));
        let today = calendar.map_or_else(|| now.utc_day(), |calendar| calendar.day_at(now));
        self.pretended(&who.0).map_or(today, |pretended| pretended.max(today))
    }

    #[expect(clippy::too_many_arguments, reason = "one place that makes the clock's commands")]
    fn send(
        &mut self,
        who: &Who,
        key: String,
        command: Command,
        local_day: Day,
        cause: Option<Cause>,
        now: Timestamp,
        evaluates: Option<Day>,
        out: &mut Vec<Outgoing>,
    ) {
        let outgoing = Outgoing {
            account: AccountId::member(who.0.clone(), who.1),
            namespace: Namespace::Clock,
            client: derived("clock"),
            key: derived(&key),
            command,
            cause,
            local_day: Some(local_day),
            tzdb: Some(tzdb_version()),
        };
        let id = outgoing.id();
        if self.sent.contains_key(&id) || self.answered.contains_key(&id) {
            return;
        }
        let evaluates = evaluates.map(|day| (who.clone(), day));
        self.sent.insert(id, Sent { at: now.0, outgoing: outgoing.clone(), evaluates });
        out.push(outgoing);
    }
}
