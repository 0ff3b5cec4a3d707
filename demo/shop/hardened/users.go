// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package hardened

import (
	"net/http"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/session"
	"github.com/panoply-security/panoply/token"
	"github.com/panoply-security/panoply/validate"
)

// credentials are strings: there is no way to write an operator into them.
type credentials struct {
	Email    string `json:"email" validate:"min=1,max=254"`
	Password string `json:"password" validate:"min=1,max=128"`
}

func (a *app) login(w http.ResponseWriter, r *http.Request) error {
	in, err := validate.Body[credentials](r)
	if err != nil {
		return err
	}
	u, _, err := find(r.Context(), a, "email", strings.ToLower(in.Email))
	if err != nil {
		return err
	}
	// Without a user the hash is empty: as much work, and never right.
	ok, upgraded, err := a.passwords.Verify(r.Context(), u.Hash, in.Password)
	if err != nil {
		return err
	}
	if !ok {
		return problem.Public(http.StatusUnauthorized, "Invalid credentials", nil)
	}
	if upgraded != "" {
		_, err := a.users.UpdateByID(r.Context(), u.ID, bson.D{{Key: "$set", Value: bson.D{{Key: "hash", Value: upgraded}}}})
		if err != nil {
			return err
		}
	}
	if err := session.From(r.Context()).Renew(u.ID.Hex()); err != nil {
		return err
	}
	signed, err := a.tokens.Issue(token.Claims{"id": u.ID.Hex(), "email": u.Email, "role": u.Role})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]any{"token": signed, "user": u.public()})
}

func (a *app) logout(w http.ResponseWriter, r *http.Request) error {
	if err := session.From(r.Context()).Destroy(r.Context()); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// newUser is all that a client may say about a new user.
type newUser struct {
	Name     string `json:"name" validate:"min=1,max=100"`
	Email    string `json:"email" validate:"email,max=254"`
	Password string `json:"password" validate:"min=8,max=128"`
}

func (a *app) createUser(w http.ResponseWriter, r *http.Request) error {
	in, err := validate.Body[newUser](r)
	if err != nil {
		return err
	}
	hash, err := a.passwords.Hash(r.Context(), in.Password)
	if err != nil {
		return err
	}
	u := user{ID: bson.NewObjectID(), Name: in.Name, Email: strings.ToLower(in.Email), Role: "user", Hash: hash}
	_, err = a.users.InsertOne(r.Context(), u)
	if mongo.IsDuplicateKeyError(err) {
		return problem.Public(http.StatusConflict, "This email address is taken.", err)
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, u.public())
}

// signedIn returns the user that the request's token names.
func (a *app) signedIn(r *http.Request) (user, error) {
	claims, err := a.tokens.Check(r)
	if err != nil {
		return user{}, err
	}
	id, err := bson.ObjectIDFromHex(claims.Text("id"))
	if err != nil {
		return user{}, problem.Public(http.StatusUnauthorized, "", err)
	}
	u, found, err := find(r.Context(), a, "_id", id)
	if err == nil && !found {
		err = problem.Public(http.StatusUnauthorized, "", nil)
	}
	return u, err
}

func (a *app) me(w http.ResponseWriter, r *http.Request) error {
	u, err := a.signedIn(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, u.public())
}

// adminUsers asks the database for the role, not the token: a role that was
// taken away is gone at once.
func (a *app) adminUsers(w http.ResponseWriter, r *http.Request) error {
	u, err := a.signedIn(r)
	if err != nil {
		return err
	}
	if u.Role != "admin" {
		return problem.Public(http.StatusForbidden, "This is for administrators.", nil)
	}
	cursor, err := a.users.Find(r.Context(), bson.D{})
	if err != nil {
		return err
	}
	var all []user
	if err := cursor.All(r.Context(), &all); err != nil {
		return err
	}
	list := make([]publicUser, len(all))
	for i, u := range all {
		list[i] = u.public()
	}
	return writeJSON(w, http.StatusOK, list)
}
