"""Facts that change outside of runs are sent by themselves: which wish is newer, when it is due, who sends."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sync", "0004_lookups"),
    ]

    operations = [
        migrations.AddField(
            model_name="writeback", name="version", field=models.PositiveIntegerField(default=0)
        ),
        migrations.AddField(model_name="writeback", name="due_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="writeback", name="problem", field=models.JSONField(null=True)),
        migrations.AddField(model_name="connection", name="sender", field=models.UUIDField(null=True)),
        migrations.AddField(
            model_name="connection", name="sending_until", field=models.DateTimeField(null=True)
        ),
        migrations.AddIndex(
            model_name="writeback",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False), ("pending", True)),
                fields=["due_at"],
                name="write_back_due",
            ),
        ),
    ]
