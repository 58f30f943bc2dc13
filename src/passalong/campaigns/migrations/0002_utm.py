"""What a campaign adds to its destination's query."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="utm",
            field=models.JSONField(default=dict),
        ),
    ]
