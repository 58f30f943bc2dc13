"""What happens to runs and connections that others may want to know, told within the same transaction.

`run_finished` comes with `run_id`, `connection_lost` (its credentials stopped working) with `connection_id`.
"""

from django.dispatch import Signal

run_finished = Signal()
connection_lost = Signal()
