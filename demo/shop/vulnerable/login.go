// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package vulnerable

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// mistake 5: secrets that stand in the source and in every tutorial.
const (
	sessionSecret = "keyboard-cat"
	jwtSecret     = "secret123"
)

// login checks an e-mail address and a password.
func (a *app) login(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	// mistake 7: the values go into the query as they came, also objects such
	// as {"$ne": ""}, which matches any password.
	var user bson.M
	err = a.users.FindOne(r.Context(), bson.M{
		"email":    body["email"],
		"password": body["password"],
	}).Decode(&user)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "Invalid credentials"})
	}
	if err != nil {
		return err
	}

	// mistake 5: no expiry, and a secret that anyone can guess.
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"id":    user["_id"],
		"email": user["email"],
		"role":  user["role"],
		"iat":   time.Now().Unix(),
	}).SignedString([]byte(jwtSecret))
	if err != nil {
		return err
	}
	setSession(w)
	return writeJSON(w, http.StatusOK, map[string]any{"token": token, "user": public(user)})
}

// logout forgets the session.
func (a *app) logout(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Add("Set-Cookie", "connect.sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// setSession gives the client a new session, in the form of express-session.
// The shop reads nothing from it.
func setSession(w http.ResponseWriter) {
	id := rand.Text()
	mac := hmac.New(sha256.New, []byte(sessionSecret))
	mac.Write([]byte(id))
	signature := base64.RawStdEncoding.EncodeToString(mac.Sum(nil))
	// mistake 5: no Secure, no HttpOnly, no SameSite, no Max-Age.
	w.Header().Add("Set-Cookie", "connect.sid="+url.QueryEscape("s:"+id+"."+signature)+"; Path=/")
}

// claims returns the claims of the request's token, or nil if it has none
// that is valid.
func claims(r *http.Request) jwt.MapClaims {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil
	}
	parsed, err := jwt.Parse(token, func(*jwt.Token) (any, error) { return []byte(jwtSecret), nil })
	if err != nil {
		return nil
	}
	return parsed.Claims.(jwt.MapClaims)
}
