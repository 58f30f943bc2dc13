"""What pages want to know of a CRM is read by a job: when it was wanted, when it was read, what kept it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sync", "0003_members_and_rate"),
    ]

    operations = [
        migrations.AddField(model_name="connection", name="wanted_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="connection", name="looked_up_at", field=models.DateTimeField(null=True)
        ),
        migrations.AddField(model_name="connection", name="lookup_error", field=models.JSONField(null=True)),
        migrations.AddField(model_name="syncdraft", name="sample", field=models.JSONField(default=dict)),
    ]
