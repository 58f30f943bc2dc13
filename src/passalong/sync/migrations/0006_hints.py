"""What the CRM tells of by itself, and how far an ongoing sync has read."""

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models

import passalong.core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_auditentry"),
        ("sync", "0005_changes"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="hook_secret",
            field=models.TextField(default=""),
        ),
        migrations.AddField(
            model_name="connection",
            name="confirm_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="connection",
            name="noticed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="newest",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="tallied",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="run",
            name="since",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="sync",
            name="newest_seen",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="sync",
            name="newest_seen_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="sync",
            name="read_as",
            field=models.CharField(default="", max_length=32),
        ),
        migrations.AddField(
            model_name="sync",
            name="read_until",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="sync",
            name="reconciled_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name="Hint",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("external_id", models.TextField()),
                (
                    "sync",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="sync.sync",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("sync", "external_id"), name="hint_once")],
            },
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=passalong.core.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("uid", models.TextField()),
                ("topic", models.CharField(max_length=100)),
                ("contact_ids", models.JSONField(default=list)),
                ("deleted", models.BooleanField(default=False)),
                ("received_at", models.DateTimeField(auto_now_add=True)),
                ("handled_at", models.DateTimeField(null=True)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="sync.connection"
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
                "indexes": [
                    models.Index(
                        condition=models.Q(("handled_at__isnull", True)),
                        fields=["connection", "id"],
                        name="notification_open",
                    ),
                    models.Index(
                        models.F("connection"),
                        models.OrderBy(models.F("id"), descending=True),
                        name="notification_newest",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("connection", "uid"), name="notification_once")
                ],
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
    ]
