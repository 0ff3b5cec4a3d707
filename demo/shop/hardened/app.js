// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const greeting = document.getElementById('greeting');
document.getElementById('login').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const response = await fetch('/api/login', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email: form.email.value, password: form.password.value }),
  });
  const answer = await response.json();
  // textContent: a name is text, whatever it holds.
  greeting.textContent = response.ok ? 'Welcome, ' + answer.user.name : 'Login failed.';
});
document.documentElement.dataset.ready = '1';
