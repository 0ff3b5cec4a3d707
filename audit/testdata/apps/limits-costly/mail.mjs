// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import nodemailer from 'nodemailer';
import sendgrid from '@sendgrid/mail';
const transport = nodemailer.createTransport({ host: 'localhost' });
export async function welcome(to) {
  await transport.sendMail({ to, subject: 'hello', text: 'hello' });
}
export const notify = (to) => sendgrid.send({ to, from: 'us@shop.example', subject: 'hello', text: 'hello' });
