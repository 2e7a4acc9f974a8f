"""The newsletter: who asked for it, who said yes, and that each of them can say no at any time.

A gift never subscribes anybody. Somebody types an address; its holder confirms by a link in a mail; and every
word of theirs stands in a log that is only ever added to. The letters themselves are written and sent with
the charity's own mailing tool: `almoner newsletter export` gives it the list.
"""
