"""What happens to referrers that others may want to know, told within the same transaction.

`referrers_created` comes with `workspace_id` and `ids`, those of all that were made at once.
`facts_changed` comes with `referrers`, their ids, and `facts`, the names of those of sync.facts that changed.
`referrers_merged` comes with `campaign` and `into`, loser id → survivor id, while all of them are locked and
the losers are still there: whoever keeps rows of theirs moves them.
`gathering` comes with the `person` who may be erased (see erasing.py): whoever knows more of them adds it,
what takes long to find only if `deep`. `spoken_for` comes with `addresses` they had before: receivers answer
with those that are somebody else's now. `erasing` comes with the same person, known in full: whoever keeps
anything personal of theirs drops it.
"""

from django.dispatch import Signal

referrers_created = Signal()
facts_changed = Signal()
referrers_merged = Signal()
gathering = Signal()
spoken_for = Signal()
erasing = Signal()
