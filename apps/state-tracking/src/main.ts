console.log("state tracking: nothing here yet");
