"""The WSGI application that granian serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "passalong.config.django")
_django = get_wsgi_application()

from passalong.tracking.front import ReferralLinks  # noqa: E402 - after Django is set up

application = ReferralLinks(_django)
