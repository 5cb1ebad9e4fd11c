package com.google.android.gms.location;

import android.content.Intent;
import java.util.ArrayList;
import java.util.List;

/** What the receiver asks of Play services' class of this name, which is in no public repository. */
public class GeofencingEvent {
    private final Intent intent;

    private GeofencingEvent(Intent intent) {
        this.intent = intent;
    }

    public static GeofencingEvent fromIntent(Intent intent) {
        return intent.hasExtra("transition") || intent.hasExtra("error") ? new GeofencingEvent(intent) : null;
    }

    public boolean hasError() {
        return intent.hasExtra("error");
    }

    public int getGeofenceTransition() {
        return intent.getIntExtra("transition", -1);
    }

    public List<Fence> getTriggeringGeofences() {
        List<Fence> found = new ArrayList<>();
        for (String id : intent.getStringArrayListExtra("ids")) {
            found.add(new Fence(id));
        }
        return found;
    }

    public static class Fence {
        private final String id;

        Fence(String id) {
            this.id = id;
        }

        public String getRequestId() {
            return id;
        }
    }
}
