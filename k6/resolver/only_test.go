package resolver

import "testing"

func TestOnlyTheServersOfTheRunAreAsked(t *testing.T) {
	t.Setenv(onlyVariable, "127.0.0.1:1053,127.0.0.1:1054,192.0.2.53:53")
	for text, allowed := range map[string]bool{
		"127.0.0.1:1053": true, "127.0.0.1:1054": true, "127.0.0.1:1055": false, "127.0.0.1": false, "127.0.0.53": false,
		"[::1]:1053": false, "[::ffff:127.0.0.1]:1053": false, "192.0.2.53:53": false, "8.8.8.8": false,
	} {
		var server Server
		if err := server.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := inPod(server).check(); (err == nil) != allowed {
			t.Errorf("%s: %v", text, err)
		}
	}
	if config, err := parse("nameserver 10.0.2.3\n"); err != nil || config.check() == nil {
		t.Errorf("the machine's own name server may be asked: %+v %v", config, err)
	}
	t.Setenv(onlyVariable, "")
	if err := inPod(Server{}.at(t, "127.0.0.1:1053")).check(); err == nil {
		t.Error("where no server may be asked one is")
	}
}
