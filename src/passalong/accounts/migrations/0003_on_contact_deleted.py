from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_auditentry"),
    ]

    operations = [
        migrations.AddField(
            model_name="workspace",
            name="on_contact_deleted",
            field=models.CharField(
                choices=[("keep", "Keep"), ("erase", "Erase")], default="keep", max_length=5
            ),
        ),
    ]
