import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

# Mail goes to Otpost. This is all that it takes: no broker, no worker, no task in this project.
EMAIL_HOST = os.environ.get("OTPOST_SMTP_HOST", "127.0.0.1")
EMAIL_PORT = int(os.environ.get("OTPOST_SMTP_PORT", "587"))
EMAIL_HOST_USER = "signup"
EMAIL_HOST_PASSWORD = os.environ["OTPOST_API_KEY"]
EMAIL_USE_TLS = os.environ.get("OTPOST_SMTP_TLS") == "on"
EMAIL_TIMEOUT = int(os.environ.get("OTPOST_SMTP_TIMEOUT", "10"))  # seconds
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "Sign-up <no-reply@example.com>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL  # of error reports to ADMINS

SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
DEBUG = False
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost,127.0.0.1").split(",")
ROOT_URLCONF = "signup.views"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [BASE_DIR / "templates"]}]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DATABASE_FILE", BASE_DIR / "signup.sqlite3"),
    }
}
AUTH_PASSWORD_VALIDATORS = [{"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"}]
USE_TZ = True
