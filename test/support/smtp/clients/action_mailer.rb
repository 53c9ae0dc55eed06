# A Rails application's mailer: delivery_method :smtp, and another host.
require "action_mailer"

ActionMailer::Base.delivery_method = :smtp
ActionMailer::Base.smtp_settings = {
  address: ENV["HOST"], port: ENV["PORT"].to_i, user_name: "shop", password: ENV["KEY"],
  authentication: :login, enable_starttls_auto: false,
}

class ShopMailer < ActionMailer::Base
  default from: "Shop <shop@example.com>"

  def invoice
    attachments["invoice.pdf"] = "%PDF-1.4\n".b
    mail(to: "rails-to@example.com", bcc: "rails-bcc@example.com", subject: "Grüße") do |format|
      format.text { render plain: "It is attached." }
      format.html { render html: "<p>It is attached.</p>".html_safe }
    end
  end
end

ShopMailer.invoice.deliver_now
