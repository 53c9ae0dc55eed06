"""What a Django site does about mail, with settings that name another host and nothing else."""
import os
import sys
import django
from django.conf import settings

settings.configure(
    EMAIL_HOST=os.environ["HOST"], EMAIL_PORT=int(os.environ["PORT"]),
    EMAIL_HOST_USER="shop", EMAIL_HOST_PASSWORD=os.environ["KEY"],
    DEFAULT_FROM_EMAIL="Shop <shop@example.com>",
)
django.setup()

from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection, send_mail, send_mass_mail

what = sys.argv[1]
if what == "send_mail":
    send_mail("Für Ada", "Grüße.\n.\n..dots", None, ["django-one@example.com"])
elif what == "alternatives":
    mail = EmailMultiAlternatives(
        "Invoice", "It is attached.", to=["Ada <django-to@example.com>"], cc=["django-cc@example.com"],
        bcc=["django-bcc@example.com"], reply_to=["desk@example.com"], headers={"X-Otpost-Tag": "invoice"},
    )
    mail.attach_alternative("<p>It is <b>attached</b>.</p>", "text/html")
    mail.attach("invoice.pdf", b"%PDF-1.4\r\n\x00\xff", "application/pdf")
    mail.send()
elif what == "mass":
    connection = get_connection()
    many = [(f"Number {n}", "Hello.", None, [f"django-mass{n}@example.com"]) for n in range(20)]
    print(send_mass_mail(many, connection=connection))
elif what == "many":
    count = int(sys.argv[2])
    # Django itself calls a message sent whatever becomes of some of its recipients.
    print(EmailMessage("Summer party", "All are welcome.", None, [f"django-many{n}@example.com" for n in range(count)]).send())
