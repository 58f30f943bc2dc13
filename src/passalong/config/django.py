"""Django's settings, derived from the typed ones in settings.py."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from passalong.config.logs import logging_config
from passalong.config.mail import mail_settings
from passalong.config.secret_key import secret_keys
from passalong.config.settings import settings

CONFIG = settings()
PACKAGE = Path(__file__).resolve().parent.parent

SECRET_KEY, *SECRET_KEY_FALLBACKS = secret_keys(CONFIG)
DEBUG = CONFIG.debug
BASE_URL = CONFIG.base_url.rstrip("/")
_BASE = urlsplit(BASE_URL)
_HTTPS = _BASE.scheme == "https"

# Links are built from BASE_URL and never from the Host header, so any host may ask.
ALLOWED_HOSTS = ["*"]
CSRF_TRUSTED_ORIGINS = [f"{_BASE.scheme}://{_BASE.netloc}"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _HTTPS else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "passalong.web.views.errors.csrf_failure"
SECURE_CSP = {
    "default-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
    "form-action": ["'self'"],
}

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "django_htmx",
    "django_prometheus",
    "procrastinate.contrib.django",
    "passalong.core",
    "passalong.accounts",
    "passalong.campaigns",
    "passalong.referrers",
    "passalong.leads",
    "passalong.tracking",
    "passalong.sync",
    "passalong.webhooks",
    "passalong.api",
    "passalong.web",
]

MIDDLEWARE = [
    "passalong.core.middleware.ShortPaths",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "passalong.core.middleware.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "passalong.accounts.middleware.CurrentWorkspace",
    "passalong.web.access.PageAccess",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "passalong.config.urls"
WSGI_APPLICATION = "passalong.config.wsgi.application"
APPEND_SLASH = False

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "passalong.web.context.frame",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "passalong.web.templatetags.ui",
            ],
        },
    }
]


def _database(url: str) -> dict[str, Any]:
    parts = {key: value for key, value in conninfo_to_dict(url).items() if value not in (None, "")}
    known = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    options = {key: value for key, value in parts.items() if key not in known}
    # A bound, not a number kept: in a worker each job that waits for a CRM holds up to two connections.
    most = max(CONFIG.web_threads, 2 * CONFIG.worker_concurrency) + 12
    return {
        "ENGINE": "django.db.backends.postgresql",
        **{django_key: str(parts[key]) for key, django_key in known.items() if key in parts},
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**options, "pool": {"min_size": 1, "max_size": most, "timeout": 15}},
    }


DATABASES = {"default": _database(CONFIG.database_url or "postgresql:///passalong")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "passalong.accounts.adapter.ClosedSignup"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

globals().update(mail_settings(CONFIG.smtp_url.get_secret_value() if CONFIG.smtp_url else None))
DEFAULT_FROM_EMAIL = CONFIG.mail_from or f"Passalong <no-reply@{_BASE.hostname or 'localhost'}>"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
USE_THOUSAND_SEPARATOR = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [PACKAGE / "web" / "static"]
# Served from the package itself: nothing to collect, and one process needs no build step.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "django_cache",
        # A full cache drops counters of rate limits, those of sign-in first: it must not fill on a busy day.
        "OPTIONS": {"MAX_ENTRIES": 200_000},
    }
}

NINJA_NUM_PROXIES = CONFIG.trusted_proxies
ALLAUTH_TRUSTED_PROXY_COUNT = CONFIG.trusted_proxies

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "tasks"

LOGGING_CONFIG = None
logging_config(CONFIG.log_format)
