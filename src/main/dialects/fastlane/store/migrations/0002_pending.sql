-- What a change of the job still means: 'schedule' (its schedule is to be as the metadata say), 'unschedule' (it is to go), 'stop' (what runs, too).
-- Written with the change, and emptied when it is done: a manager that was killed in between does it at its next start.
alter table fastlane_jobs add column pending text;
