"""How many leads and users a CRM has, as last counted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sync", "0011_declared"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="sizes_cache",
            field=models.JSONField(default=dict),
        ),
    ]
