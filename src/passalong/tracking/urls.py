"""Addresses of referral links, below `/r/`."""

from django.urls import path

from passalong.tracking.views import follow

urlpatterns = [path("<str:code>", follow, name="referral-link")]
