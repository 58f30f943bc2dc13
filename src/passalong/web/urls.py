"""The addresses of the product's pages."""

from django.urls import include, path

from passalong.web import converters
from passalong.web.views import campaigns, connections, imports, kit, preferences, referrers, runs, syncs

converters.register()

pages = [
    path("", campaigns.home, name="home"),
    path("campaigns/new", campaigns.new_campaign, name="new_campaign"),
    path("campaigns/<campaign:campaign_id>", campaigns.campaign, name="campaign"),
    path("campaigns/<campaign:campaign_id>/settings", campaigns.campaign_settings, name="campaign_settings"),
    path("campaigns/<campaign:campaign_id>/status", campaigns.campaign_status, name="campaign_status"),
    path("campaigns/<campaign:campaign_id>/referrers", referrers.referrers, name="referrers"),
    path("campaigns/<campaign:campaign_id>/referrers/add", referrers.add_referrers, name="add_referrers"),
    path(
        "campaigns/<campaign:campaign_id>/referrers/add/manually", referrers.add_manually, name="add_manually"
    ),
    path("campaigns/<campaign:campaign_id>/referrers/add/upload", imports.upload, name="upload"),
    path("campaigns/<campaign:campaign_id>/referrers/add/template", imports.template, name="upload_template"),
    path("imports/<import:import_id>", imports.import_page, name="import"),
    path("imports/<import:import_id>/columns", imports.match_columns, name="match_columns"),
    path("imports/<import:import_id>/discard", imports.discard, name="discard_import"),
    path("imports/<import:import_id>/progress", imports.progress, name="import_progress"),
    path("imports/<import:import_id>/cancel", imports.cancel, name="cancel_import"),
    path("imports/<import:import_id>/problems", imports.problems, name="import_problems"),
    path("campaigns/<campaign:campaign_id>/referrers/add/api", referrers.add_by_api, name="add_by_api"),
    path("campaigns/<campaign:campaign_id>/syncs", syncs.syncs, name="syncs"),
    path("campaigns/<campaign:campaign_id>/syncs/new", referrers.start_sync_setup, name="start_sync_setup"),
    path("syncs/<sync:sync_id>", syncs.sync, name="sync"),
    path("syncs/<sync:sync_id>/run", syncs.run_again, name="run_again"),
    path("syncs/<sync:sync_id>/pause", syncs.pause, name="pause_sync"),
    path("syncs/<sync:sync_id>/resume", syncs.resume, name="resume_sync"),
    path("syncs/<sync:sync_id>/delete", syncs.delete, name="delete_sync"),
    path("runs/<run:run_id>", runs.run, name="run"),
    path("runs/<run:run_id>/progress", runs.progress, name="run_progress"),
    path("runs/<run:run_id>/cancel", runs.cancel, name="cancel_run"),
    path("runs/<run:run_id>/pause", runs.pause, name="pause_run"),
    path("runs/<run:run_id>/resume", runs.resume, name="resume_run"),
    path("runs/<run:run_id>/retry", runs.retry, name="retry_run"),
    path("runs/<run:run_id>/contacts.csv", runs.records, name="run_contacts"),
    path("connections", connections.connections, name="connections"),
    path("connections/new", connections.new_connection, name="new_connection"),
    path("connections/<connection:connection_id>", connections.connection, name="connection"),
    path("connections/<connection:connection_id>/token", connections.replace_token, name="replace_token"),
    path("connections/<connection:connection_id>/check", connections.recheck, name="recheck"),
    path("connections/<connection:connection_id>/disconnect", connections.disconnect, name="disconnect"),
    path("preferences/theme", preferences.theme, name="theme"),
    path("ui/kit", kit.kit, name="kit"),
]

urlpatterns = [
    path("", include((pages, "web"))),
    path("setup/", include("passalong.sync.setup.urls")),
]
