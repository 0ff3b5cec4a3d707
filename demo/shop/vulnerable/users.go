// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package vulnerable

import (
	"errors"
	"net/http"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// createUser registers a user.
func (a *app) createUser(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	// mistake 3: the whole body becomes the document, whatever fields and
	// types it has. The default role yields to the body's.
	user := bson.M{"role": "user"}
	for field, value := range body {
		user[field] = value
	}
	inserted, err := a.users.InsertOne(r.Context(), user)
	if err != nil {
		return err
	}
	user["_id"] = inserted.InsertedID
	return writeJSON(w, http.StatusCreated, public(user))
}

// me returns the user of the token.
func (a *app) me(w http.ResponseWriter, r *http.Request) error {
	token := claims(r)
	if token == nil {
		return unauthorized(w)
	}
	id := token["id"]
	if text, ok := id.(string); ok {
		if object, err := bson.ObjectIDFromHex(text); err == nil {
			id = object
		}
	}
	var user bson.M
	err := a.users.FindOne(r.Context(), bson.M{"_id": id}).Decode(&user)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return unauthorized(w)
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, public(user))
}

// adminUsers lists all users, for administrators.
func (a *app) adminUsers(w http.ResponseWriter, r *http.Request) error {
	token := claims(r)
	if token == nil {
		return unauthorized(w)
	}
	if token["role"] != "admin" {
		return writeJSON(w, http.StatusForbidden, map[string]string{"error": "Forbidden"})
	}
	cursor, err := a.users.Find(r.Context(), bson.M{})
	if err != nil {
		return err
	}
	var users []bson.M
	if err := cursor.All(r.Context(), &users); err != nil {
		return err
	}
	list := make([]bson.M, len(users))
	for i, user := range users {
		list[i] = public(user)
	}
	return writeJSON(w, http.StatusOK, list)
}

// public returns the fields of a user that the API shows.
func public(user bson.M) bson.M {
	return bson.M{"id": user["_id"], "name": user["name"], "email": user["email"], "role": user["role"]}
}

func unauthorized(w http.ResponseWriter) error {
	return writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "Unauthorized"})
}
