// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package mongoquery_test

import (
	"encoding/json"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/panoply-security/panoply/nosql/mongoquery"
)

func Example() {
	var body map[string]any // decoded without a type, as Express does
	json.Unmarshal([]byte(`{"email": {"$ne": null}, "age": 18}`), &body)

	if _, err := mongoquery.Text("/email", body["email"]); err != nil {
		fmt.Println(err) // a handler returns it: 400, with the pointer
	}
	age, _ := mongoquery.Number("/age", body["age"])
	adults := mongoquery.And(mongoquery.Gte("age", age), mongoquery.Exists("deleted", false))

	b, _ := bson.Marshal(adults) // the driver does
	fmt.Println(bson.Raw(b))
	// Output:
	// nosql/type: Not a string where a query needs one
	// {"$and": [{"age": {"$gte": {"$numberDouble":"18.0"}}},{"deleted": {"$exists": false}}]}
}

func ExampleMonitor() {
	// The one operator that this program writes into filters by hand.
	monitor, err := mongoquery.Monitor(mongoquery.MonitorConfig{Declared: []string{"products.price.$lte"}})
	if err != nil {
		panic(err)
	}
	client := options.Client().ApplyURI("mongodb://127.0.0.1:27017").SetMonitor(monitor)
	fmt.Println(client.Validate())
	// Output: <nil>
}
