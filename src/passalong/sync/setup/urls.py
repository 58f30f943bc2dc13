"""The wizard's addresses: one per step."""

from django.urls import path

from passalong.sync.setup import views

app_name = "setup"
urlpatterns = [
    path("<uuid:draft_id>", views.resume, name="resume"),
    path("<uuid:draft_id>/discard", views.discard, name="discard"),
    path("<uuid:draft_id>/preview", views.preview, name="preview"),
    path("<uuid:draft_id>/start", views.start, name="start"),
    path("<uuid:draft_id>/<slug:name>/lookup", views.lookup, name="lookup"),
    path("<uuid:draft_id>/review", views.review, name="review"),
    path("<uuid:draft_id>/<slug:name>", views.step, name="step"),
]
