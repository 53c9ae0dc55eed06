"""Somebody signs up, gets a link by mail, and chooses a password. It is plain Django, and knows nothing of Otpost."""

from django import forms
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.encoding import force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode


class SignUp(forms.Form):
    email = forms.EmailField(label="E-mail address", max_length=150)


def sign_up(request):
    form = SignUp(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "sign_up.html", {"form": form})
    email = form.cleaned_data["email"].lower()
    user, _ = User.objects.get_or_create(username=email, defaults={"email": email, "is_active": False})
    try:
        if not user.is_active:
            send_verification(request, user)
    except OSError:  # smtplib's errors are of this kind too
        return render(request, "not_sent.html", {"email": email}, status=503)
    # The same page for an address that is confirmed already: who has an account is nobody's business.
    return render(request, "sent.html", {"email": email})


def send_verification(request, user):
    uid = urlsafe_base64_encode(str(user.pk).encode())
    link = request.build_absolute_uri(reverse("verify", args=[uid, default_token_generator.make_token(user)]))
    send_mail("Confirm your address", f"Open this link to confirm your address:\n\n{link}\n", None, [user.email])


def verify(request, uid, token):
    try:
        user = User.objects.get(pk=force_str(urlsafe_base64_decode(uid)))
    except (ValueError, User.DoesNotExist):
        user = None
    if not default_token_generator.check_token(user, token):
        return render(request, "bad_link.html", status=404)
    # Whoever reads the mail chooses the password, and a program that looks at links in mail confirms nothing.
    form = SetPasswordForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        user.is_active = True
        form.save()
        return render(request, "verified.html", {"email": user.email})
    return render(request, "verify.html", {"form": form})


urlpatterns = [
    path("", sign_up, name="sign_up"),
    path("verify/<uid>/<token>/", verify, name="verify"),
]
