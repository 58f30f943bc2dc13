"""The secret address that qualifies leads can be renewed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0003_doors"),
    ]

    operations = [
        migrations.AddField(
            model_name="campaign", name="hook_version", field=models.PositiveIntegerField(default=1)
        ),
    ]
