"""What happens to campaigns that others may want to know, told within the same transaction.

`renamed` comes with the `campaign`.
"""

from django.dispatch import Signal

renamed = Signal()
