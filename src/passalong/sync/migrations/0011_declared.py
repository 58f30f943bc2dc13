"""When the map back of a sync was set last: of those that are there, their creation is all that is known."""

from django.db import migrations, models

import passalong.core.clock


class Migration(migrations.Migration):
    dependencies = [
        ("sync", "0010_newcomers"),
    ]

    operations = [
        migrations.AddField(
            model_name="sync",
            name="declared_at",
            field=models.DateTimeField(default=passalong.core.clock.now),
        ),
        migrations.RunSQL("UPDATE sync_sync SET declared_at = created_at", migrations.RunSQL.noop),
    ]
