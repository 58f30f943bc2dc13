import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models

import passalong.core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_on_contact_deleted"),
        ("campaigns", "0004_hook"),
        ("referrers", "0003_import_leader"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReferrerAlias",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=passalong.core.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("code", models.CharField(max_length=16)),
                ("merged", models.UUIDField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="campaigns.campaign"
                    ),
                ),
                (
                    "referrer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="aliases",
                        to="referrers.referrer",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.workspace"
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "everywhere",
                "constraints": [
                    models.UniqueConstraint(fields=("code",), name="alias_code_once"),
                    models.UniqueConstraint(fields=("merged",), name="alias_merged_once"),
                ],
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
    ]
