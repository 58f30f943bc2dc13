"""What friends say of themselves when they join, and when they agreed to be written to."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("leads", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="lead", name="fields", field=models.JSONField(blank=True, default=dict)
        ),
        migrations.AddField(model_name="lead", name="consented_at", field=models.DateTimeField(null=True)),
        migrations.AlterField(
            model_name="lead",
            name="source",
            field=models.CharField(
                choices=[
                    ("manual", "Manual"),
                    ("api", "Api"),
                    ("join_page", "Join Page"),
                    ("website", "Website"),
                    ("upload", "Upload"),
                ],
                default="api",
                max_length=20,
            ),
        ),
    ]
