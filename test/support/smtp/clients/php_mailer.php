<?php
// What WordPress and most of PHP send with.
require '/usr/share/php/libphp-phpmailer/autoload.php';

$mail = new PHPMailer\PHPMailer\PHPMailer(true);
$mail->isSMTP();
$mail->Host = getenv('HOST');
$mail->Port = (int) getenv('PORT');
$mail->SMTPAuth = true;
$mail->Username = 'shop';
$mail->Password = getenv('KEY');
$mail->CharSet = 'UTF-8';
$mail->setFrom('shop@example.com', 'Shop');
$many = (int) ($argv[1] ?? 0);
for ($n = 0; $n < $many; $n++) $mail->addAddress("php-many$n@example.com");
if ($many === 0) {
    $mail->addAddress('php-to@example.com', 'Ada');
    $mail->addBCC('php-bcc@example.com');
}
$mail->addReplyTo('desk@example.com');
$mail->Subject = 'Grüße';
$mail->isHTML(true);
$mail->Body = '<p>It is attached.</p>';
$mail->AltBody = 'It is attached.';
$mail->addStringAttachment("%PDF-1.4\n", 'invoice.pdf', 'base64', 'application/pdf');
$mail->send();
echo $mail->getLastMessageID(), "\n", $mail->getSMTPInstance()->getLastTransactionID(), "\n";
