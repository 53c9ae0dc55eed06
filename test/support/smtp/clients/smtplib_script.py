"""Python's standard library, one connection for several messages."""
import os
import smtplib
from email.message import EmailMessage

with smtplib.SMTP(os.environ["HOST"], int(os.environ["PORT"])) as smtp:
    smtp.login("shop", os.environ["KEY"])
    for n in range(3):
        mail = EmailMessage()
        mail["From"], mail["To"] = "Shop <shop@example.com>", f"smtplib{n}@example.com"
        mail["Bcc"], mail["Subject"] = "smtplib-bcc@example.com", f"Number {n}"
        mail.set_content("Grüße.\n")
        mail.add_attachment(b"a,b\r\n", maintype="text", subtype="csv", filename="list.csv")
        print(smtp.send_message(mail))
