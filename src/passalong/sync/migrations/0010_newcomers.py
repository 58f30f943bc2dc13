"""What a campaign wants of people who join, and how far each of them is on the way into the CRM."""

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models

import passalong.core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_auditentry"),
        ("campaigns", "0004_hook"),
        ("leads", "0002_fields_and_consent"),
        ("referrers", "0005_import_kinds"),
        ("sync", "0007_lost_connections"),
    ]

    operations = [
        migrations.CreateModel(
            name="Turn",
            fields=[
                (
                    "connection",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="sync.connection",
                    ),
                ),
                ("holder", models.UUIDField()),
                ("until", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Newcomer",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=passalong.core.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("lead", "Lead"),
                            ("referrer", "Referrer"),
                            ("invited-friend", "Invited"),
                            ("referral-converted", "Converted"),
                        ],
                        max_length=20,
                    ),
                ),
                ("email", models.TextField()),
                ("contact_id", models.TextField(blank=True, default="")),
                ("contact_role", models.CharField(blank=True, default="", max_length=4)),
                ("is_made", models.BooleanField(default=False)),
                ("posting_at", models.DateTimeField(null=True)),
                ("moment", models.BigIntegerField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("created", "Created"),
                            ("updated", "Updated"),
                            ("left_alone", "Left Alone"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("due_at", models.DateTimeField()),
                ("problem", models.JSONField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("done_at", models.DateTimeField(null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="sync.connection",
                    ),
                ),
                (
                    "lead",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="leads.lead",
                    ),
                ),
                (
                    "referrer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="referrers.referrer"
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
                        models.F("campaign"),
                        models.F("connection"),
                        models.OrderBy(models.F("id"), descending=True),
                        name="newcomer_newest",
                    ),
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["connection", "due_at"],
                        name="newcomer_due",
                    ),
                    models.Index(
                        models.F("campaign"),
                        models.F("connection"),
                        models.OrderBy(models.F("id"), descending=True),
                        condition=models.Q(("state", "failed")),
                        name="newcomer_trouble",
                    ),
                    models.Index(
                        condition=models.Q(("kind", "lead"), models.Q(("contact_id", ""), _negated=True)),
                        fields=["connection", "contact_id"],
                        name="newcomer_contact",
                    ),
                    models.Index(
                        condition=models.Q(("contact_id", ""), _negated=True),
                        fields=["connection", "email"],
                        name="newcomer_memory",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("lead__isnull", False)),
                        fields=("lead", "connection", "kind"),
                        name="newcomer_lead_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("lead", None)),
                        fields=("referrer", "connection"),
                        name="newcomer_referrer_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("contact_id", ""), ("posting_at__isnull", False)),
                        fields=("connection", "email"),
                        name="newcomer_one_request",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("moment__isnull", False), models.Q(("contact_id", ""), _negated=True)
                        ),
                        fields=("connection", "contact_id", "kind", "moment"),
                        name="newcomer_event_once",
                    ),
                ],
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="PeopleRule",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=passalong.core.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("leads", models.JSONField(default=dict)),
                ("referrers", models.JSONField(default=dict)),
                ("events", models.JSONField(default=list)),
                ("qualify", models.JSONField(default=dict)),
                ("looked_at", models.DateTimeField(null=True)),
                ("walked_at", models.DateTimeField(null=True)),
                ("problem", models.JSONField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="campaigns.campaign",
                    ),
                ),
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
                "constraints": [
                    models.UniqueConstraint(fields=("campaign", "connection"), name="people_rule_once")
                ],
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("everywhere", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Sighting",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("contact_id", models.TextField()),
                ("field", models.TextField()),
                ("value", models.JSONField(null=True)),
                ("counts", models.BooleanField(default=False)),
                ("qualified_at", models.DateTimeField(null=True)),
                ("changed_at", models.BigIntegerField(null=True)),
                ("seen_at", models.DateTimeField(auto_now=True)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="sync.connection"
                    ),
                ),
                (
                    "lead",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="leads.lead",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("qualified_at__isnull", False)),
                        fields=["connection", "id"],
                        name="sighting_qualified",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("lead", "connection", "contact_id"), name="sighting_once")
                ],
            },
        ),
    ]
