"""The timetable: how often each bell rings even if nobody rang it.

A lost message, a wiped broker or a crashed worker costs at most the time in this table. Two beats
are harmless: work is claimed in the database.
"""

from payments.jobs import Bell

SCHEDULE: dict[str, dict[str, object]] = {
    "apply events": {"task": Bell.APPLY_EVENTS.value, "schedule": 5.0, "options": {"expires": 5}},
    "issue receipts": {"task": Bell.ISSUE_RECEIPTS.value, "schedule": 5.0, "options": {"expires": 5}},
    "sweep receipts": {"task": Bell.SWEEP_RECEIPTS.value, "schedule": 300.0, "options": {"expires": 300}},
    "write documents": {"task": Bell.WRITE_DOCUMENTS.value, "schedule": 5.0, "options": {"expires": 5}},
    "restate": {"task": Bell.RESTATE.value, "schedule": 15.0, "options": {"expires": 15}},
    "send mail": {"task": Bell.SEND_MAIL.value, "schedule": 5.0, "options": {"expires": 5}},
    "read mail reports": {
        "task": Bell.READ_MAIL_REPORTS.value,
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "answer link requests": {
        "task": Bell.ANSWER_LINK_REQUESTS.value,
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "answer newsletter": {
        "task": Bell.ANSWER_NEWSLETTER.value,
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "tend readers": {"task": Bell.TEND_READERS.value, "schedule": 300.0, "options": {"expires": 300}},
    "submit refunds": {"task": Bell.SUBMIT_REFUNDS.value, "schedule": 10.0, "options": {"expires": 10}},
    "submit monthly changes": {
        "task": Bell.SUBMIT_MONTHLY_CHANGES.value,
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "end disputed": {"task": Bell.END_DISPUTED.value, "schedule": 60.0, "options": {"expires": 60}},
    "give back after end": {
        "task": Bell.GIVE_BACK_AFTER_END.value,
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "follow refusals": {"task": Bell.FOLLOW_REFUSALS.value, "schedule": 15.0, "options": {"expires": 15}},
    "send notices": {"task": Bell.SEND_NOTICES.value, "schedule": 900.0, "options": {"expires": 900}},
    "pull balance transactions": {
        "task": Bell.PULL_BALANCE_TRANSACTIONS.value,
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "fetch payouts": {"task": Bell.FETCH_PAYOUTS.value, "schedule": 60.0, "options": {"expires": 60}},
    "reconcile": {"task": Bell.RECONCILE.value, "schedule": 3600.0, "options": {"expires": 3600}},
    "sum up": {"task": Bell.SUM_UP.value, "schedule": 3600.0, "options": {"expires": 3600}},
    "ask for balance": {
        "task": Bell.ASK_FOR_BALANCE.value,
        "schedule": 21600.0,
        "options": {"expires": 21600},
    },
    "ask about silence": {
        "task": Bell.ASK_ABOUT_SILENCE.value,
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "sweep events": {"task": Bell.SWEEP_EVENTS.value, "schedule": 300.0, "options": {"expires": 300}},
    "delete customers": {
        "task": Bell.DELETE_CUSTOMERS.value,
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "erase late": {"task": Bell.ERASE_LATE.value, "schedule": 60.0, "options": {"expires": 60}},
    "release holds": {
        "task": Bell.RELEASE_HOLDS.value,
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "forget numbers": {
        "task": Bell.FORGET_NUMBERS.value,
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "heartbeat": {"task": Bell.HEARTBEAT.value, "schedule": 10.0, "options": {"expires": 10}},
}
