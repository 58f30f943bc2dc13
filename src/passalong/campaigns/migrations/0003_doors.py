"""Where friends can join: a page of ours, and the customer's own website."""

from django.db import migrations, models

import passalong.campaigns.models

GIVE_KEYS = "UPDATE campaigns_campaign SET public_key = 'pk_' || replace(gen_random_uuid()::text, '-', '')"


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0002_utm"),
    ]

    operations = [
        migrations.AlterField(
            model_name="campaign",
            name="destination_url",
            field=models.URLField(blank=True, default="", max_length=2000),
        ),
        migrations.AddField(
            model_name="campaign", name="is_hosted", field=models.BooleanField(default=False)
        ),
        migrations.AddField(model_name="campaign", name="join_page", field=models.JSONField(default=dict)),
        migrations.AddField(model_name="campaign", name="origins", field=models.JSONField(default=list)),
        migrations.AddField(
            model_name="campaign", name="public_key", field=models.CharField(max_length=40, null=True)
        ),
        migrations.RunSQL(GIVE_KEYS, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="campaign",
            name="public_key",
            field=models.CharField(
                default=passalong.campaigns.models.new_public_key, max_length=40, unique=True
            ),
        ),
    ]
