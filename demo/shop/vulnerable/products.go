// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package vulnerable

import (
	"net/http"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/panoply-security/panoply/demo/shop"
)

// listProducts lists the products that match the query: ?rating[lte]=5
// compares a field, ?q=helm searches the names.
func (a *app) listProducts(w http.ResponseWriter, r *http.Request) error {
	query, err := parseForm(r.URL.RawQuery)
	if err != nil {
		return err
	}
	filter := bson.M{}
	for field, value := range query {
		if field == "q" {
			// mistake 7: the search text is a regular expression of the client's.
			filter["name"] = bson.M{"$regex": value, "$options": "i"}
			continue
		}
		filter[field] = comparison(value)
	}
	cursor, err := a.products.Find(r.Context(), filter)
	if err != nil {
		return err
	}
	products := []shop.Product{}
	if err := cursor.All(r.Context(), &products); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, products)
}

// comparison turns {"lte": "5"} into {"$lte": 5}.
func comparison(value any) any {
	switch value := value.(type) {
	case map[string]any:
		operators := bson.M{}
		for name, operand := range value {
			// mistake 7: any operator will do, not only the four comparisons.
			operators["$"+name] = comparison(operand)
		}
		return operators
	case string:
		if number, err := strconv.ParseFloat(value, 64); err == nil {
			return number
		}
	}
	return value
}
