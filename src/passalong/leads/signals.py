"""What happens to leads that others may want to know, told within the same transaction.

`lead_created` and `lead_qualified` come with `leads`, all to whom it happened at once. `lead_unqualified`
comes with one `lead` and with `qualified_at`: when it had been qualified. `lead_deleted` comes with the
`lead` as it was.
"""

from django.dispatch import Signal

lead_created = Signal()
lead_qualified = Signal()
lead_unqualified = Signal()
lead_deleted = Signal()
