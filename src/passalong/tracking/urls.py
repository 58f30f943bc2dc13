"""Addresses that friends and the customer's websites use."""

from django.urls import path

from passalong.tracking import browser, join, qualify_hook
from passalong.tracking.views import referral_link

urlpatterns = [
    path("r/<str:code>", referral_link, name="referral-link"),
    path("c/<slug:slug>", join.join, name="join"),
    path("c/<slug:slug>/thanks", join.thanks, name="thanks"),
    path("c/<slug:slug>/colours.css", join.colours, name="colours"),
    path("passalong.js", browser.script, name="snippet"),
    path("hooks/qualify/<str:secret>", qualify_hook.qualify_by_hook, name="qualify-hook"),
    path("browser/<str:key>/leads", browser.leads, name="browser-leads"),
]
