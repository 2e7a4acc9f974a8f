"""What may happen to the newsletter's list behind the program's back."""

from tests.verify.victims import Corruption

CORRUPTIONS = [
    Corruption(
        "somebody is put on the list who never said yes",
        "reader_not_as_last_said",
        "insert into newsletter_readers (id, email, locale, standing, since, subscribed_at)"
        " values ('nlr_put_there', 'nobody@example.com', 'en', 'subscribed', now(), now()) returning id",
    ),
]
