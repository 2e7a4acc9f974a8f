"""The newsletter's list and the log of consents: nobody is written to whose last word was not yes."""

from payments.verify.check import Check

CHECKS = (
    Check(
        kind="reader_not_as_last_said",
        proves="Who is subscribed to the newsletter said yes last, and who said yes last is subscribed.",
        says="Reader {subject} {detail}.",
        remedy="Write to nobody whose last word is not yes. `almoner newsletter show ID` has every word.",
        sql="""
            select array[r.id], null::text, null::bigint, null::bigint,
                format('stands as %s, and the last word in the log is %s', r.standing,
                    coalesce(w.said, 'none'))
            from newsletter_readers r
            left join lateral (
                select c.said from consent_log c
                where c.reader_id = r.id and c.said in ('yes', 'no', 'withdrawn')
                order by c.id desc limit 1
            ) w on true
            where (r.standing = 'subscribed') <> (coalesce(w.said, 'none') = 'yes')
        """,
    ),
)
