"""The addresses of the product's pages."""

from django.urls import include, path

from passalong.web import converters
from passalong.web.views import (
    campaigns,
    changes_at_once,
    connections,
    crm,
    crm_qualifying,
    doors,
    imports,
    kit,
    leads,
    overview,
    people,
    preferences,
    referrer,
    referrers,
    runs,
    sync_home,
    sync_mapping,
    syncs,
    webhooks,
)

converters.register()

pages = [
    path("", campaigns.home, name="home"),
    path("campaigns/new", campaigns.new_campaign, name="new_campaign"),
    path("campaigns/<campaign:campaign_id>", overview.overview, name="campaign"),
    path("campaigns/<campaign:campaign_id>/numbers.csv", overview.numbers, name="campaign_numbers"),
    path("campaigns/<campaign:campaign_id>/settings", campaigns.campaign_settings, name="campaign_settings"),
    path("campaigns/<campaign:campaign_id>/settings/join-page", doors.join_page, name="campaign_join_page"),
    path("campaigns/<campaign:campaign_id>/settings/website", doors.website, name="campaign_website"),
    path(
        "campaigns/<campaign:campaign_id>/settings/qualifying", doors.qualifying, name="campaign_qualifying"
    ),
    path(
        "campaigns/<campaign:campaign_id>/settings/qualifying/address",
        doors.new_hook,
        name="campaign_new_hook",
    ),
    path("campaigns/<campaign:campaign_id>/settings/website/key", doors.new_key, name="campaign_new_key"),
    path("campaigns/<campaign:campaign_id>/settings/crm", crm.crm, name="campaign_crm"),
    path(
        "campaigns/<campaign:campaign_id>/settings/crm/<connection:connection_id>/qualifying",
        crm_qualifying.qualifying,
        name="campaign_crm_qualifying",
    ),
    path(
        "campaigns/<campaign:campaign_id>/settings/crm/<connection:connection_id>/<slug:section>",
        crm.people,
        name="campaign_people",
    ),
    path(
        "campaigns/<campaign:campaign_id>/settings/crm/<connection:connection_id>/<slug:section>/retry",
        crm.retry,
        name="retry_people",
    ),
    path("campaigns/<campaign:campaign_id>/status", campaigns.campaign_status, name="campaign_status"),
    path("campaigns/<campaign:campaign_id>/referrers", referrers.referrers, name="referrers"),
    path("campaigns/<campaign:campaign_id>/referrers/add", referrers.add_referrers, name="add_referrers"),
    path(
        "campaigns/<campaign:campaign_id>/referrers/add/manually", referrers.add_manually, name="add_manually"
    ),
    path(
        "campaigns/<campaign:campaign_id>/referrers/add/upload",
        imports.upload,
        {"kind": "referrers"},
        name="upload",
    ),
    path(
        "campaigns/<campaign:campaign_id>/referrers/add/template",
        imports.template,
        {"kind": "referrers"},
        name="upload_template",
    ),
    path("campaigns/<campaign:campaign_id>/referrers/chosen", referrers.chosen, name="chosen_referrers"),
    path("referrers/<referrer:referrer_id>", referrer.referrer, name="referrer"),
    path("referrers/<referrer:referrer_id>/edit", referrer.edit, name="edit_referrer"),
    path("referrers/<referrer:referrer_id>/merge", people.merge, name="merge_referrer"),
    path("referrers/<referrer:referrer_id>/erase", people.erase, name="erase_referrer"),
    path("referrers/<referrer:referrer_id>/status", referrer.set_status, name="referrer_status"),
    path("imports/<import:import_id>", imports.import_page, name="import"),
    path("imports/<import:import_id>/columns", imports.match_columns, name="match_columns"),
    path("imports/<import:import_id>/discard", imports.discard, name="discard_import"),
    path("imports/<import:import_id>/progress", imports.progress, name="import_progress"),
    path("imports/<import:import_id>/cancel", imports.cancel, name="cancel_import"),
    path("imports/<import:import_id>/problems", imports.problems, name="import_problems"),
    path("campaigns/<campaign:campaign_id>/referrers/add/api", referrers.add_by_api, name="add_by_api"),
    path("campaigns/<campaign:campaign_id>/leads", leads.leads, name="leads"),
    path("campaigns/<campaign:campaign_id>/leads/add", leads.add_lead, name="add_lead"),
    path("campaigns/<campaign:campaign_id>/leads/upload", leads.upload, name="upload_lists"),
    *(
        path(f"campaigns/<campaign:campaign_id>/leads/upload/{kind}{more}", view, {"kind": kind}, name=name)
        for kind in ("leads", "qualify")
        for more, view, name in (
            ("", imports.upload, f"upload_{kind}"),
            ("/template", imports.template, f"upload_{kind}_template"),
        )
    ),
    path("campaigns/<campaign:campaign_id>/leads/chosen", leads.chosen, name="chosen_leads"),
    path("campaigns/<campaign:campaign_id>/syncs", syncs.syncs, name="syncs"),
    path("campaigns/<campaign:campaign_id>/syncs/new", referrers.start_sync_setup, name="start_sync_setup"),
    path("syncs/<sync:sync_id>", sync_home.status, name="sync"),
    path("syncs/<sync:sync_id>/runs", sync_home.runs, name="sync_runs"),
    path("syncs/<sync:sync_id>/mapping", sync_mapping.mapping, name="sync_mapping"),
    path("syncs/<sync:sync_id>/mapping/discard", sync_mapping.discard, name="discard_mapping"),
    path("syncs/<sync:sync_id>/mapping/<slug:name>", sync_mapping.edit, name="edit_mapping"),
    path("syncs/<sync:sync_id>/settings", sync_home.settings, name="sync_settings"),
    path("syncs/<sync:sync_id>/run", sync_home.run_again, name="run_again"),
    path("syncs/<sync:sync_id>/pause", sync_home.pause, name="pause_sync"),
    path("syncs/<sync:sync_id>/resume", sync_home.resume, name="resume_sync"),
    path("syncs/<sync:sync_id>/delete", sync_home.delete, name="delete_sync"),
    path("runs/<run:run_id>", runs.run, name="run"),
    path("runs/<run:run_id>/progress", runs.progress, name="run_progress"),
    path("runs/<run:run_id>/cancel", runs.cancel, name="cancel_run"),
    path("runs/<run:run_id>/pause", runs.pause, name="pause_run"),
    path("runs/<run:run_id>/resume", runs.resume, name="resume_run"),
    path("runs/<run:run_id>/retry", runs.retry, name="retry_run"),
    path("runs/<run:run_id>/contacts.csv", runs.records, name="run_contacts"),
    path("connections", connections.connections, name="connections"),
    path("connections/deleted-contacts", people.contact_deleted, name="contact_deleted"),
    path("connections/new", connections.new_connection, name="new_connection"),
    path("connections/<connection:connection_id>", connections.connection, name="connection"),
    path("connections/<connection:connection_id>/token", connections.replace_token, name="replace_token"),
    path("connections/<connection:connection_id>/check", connections.recheck, name="recheck"),
    path(
        "connections/<connection:connection_id>/changes",
        changes_at_once.changes_at_once,
        name="changes_at_once",
    ),
    path("connections/<connection:connection_id>/changes/live", changes_at_once.live, name="changes_live"),
    path("connections/<connection:connection_id>/disconnect", connections.disconnect, name="disconnect"),
    path("webhooks", webhooks.webhooks, name="webhooks"),
    path("webhooks/new", webhooks.new_webhook, name="new_webhook"),
    path("webhooks/<webhook:webhook_id>", webhooks.webhook, name="webhook"),
    path("webhooks/<webhook:webhook_id>/act", webhooks.act, name="act_on_webhook"),
    path("deliveries/<delivery:delivery_id>/resend", webhooks.resend, name="resend_delivery"),
    path("preferences/theme", preferences.theme, name="theme"),
    path("ui/kit", kit.kit, name="kit"),
]

urlpatterns = [
    path("", include((pages, "web"))),
    path("setup/", include("passalong.sync.setup.urls")),
]
