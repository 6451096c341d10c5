package api

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRatingsThatAreNoneAreToldFromAnEmptyList(t *testing.T) {
	for body, says := range map[string]string{
		`{"userId":"carol","ratings":[]}`:                "",
		`{"userId":"carol","ratings":[{"movieId":"1"}]}`: "",
		`null`:                                "asked for user",
		`{"error":"x"}`:                       "asked for user",
		`{"userId":"foo","ratings":[]}`:       "answered with \"foo\"",
		`{"userId":"carol"}`:                  "no list",
		`{"userId":"carol","ratings":null}`:   "no list",
		`{"userId":"carol","ratings":[null]}`: "which is no movie",
	} {
		var u UserRatings
		require.NoError(t, json.Unmarshal([]byte(body), &u))
		if says == "" {
			require.NoError(t, u.Check("carol"), body)
		} else {
			require.ErrorContains(t, u.Check("carol"), says, body)
		}
	}
}
