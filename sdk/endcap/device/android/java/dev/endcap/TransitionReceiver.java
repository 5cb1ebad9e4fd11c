package dev.endcap;

import android.content.BroadcastReceiver;
import android.content.ComponentName;
import android.content.Context;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.net.Uri;
import android.os.Bundle;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Notes what the OS's geofences tell, a line of JSON each, and starts the app's service, which reads them.
 *
 * It runs without Python: the OS wakes it after the app was killed. Declared in the manifest, not exported. Where a
 * service is to be started, the manifest's application has a meta-data "dev.endcap.service" with its class name.
 */
public class TransitionReceiver extends BroadcastReceiver {
    private static final String PLAY_EVENT = "com.google.android.gms.location.GeofencingEvent";
    private static final int EXIT = 2;

    @Override
    public void onReceive(Context context, Intent intent) {
        String line = lineFor(intent, System.currentTimeMillis());
        if (line == null) {
            return;
        }
        try {
            note(new File(context.getFilesDir(), "endcap"), line);
        } catch (IOException full) {
            return; // nothing can be noted; the next fix will tell
        }
        startService(context);
    }

    /** What there is to note of an intent; null when it tells nothing. */
    static String lineFor(Intent intent, long nowMs) {
        String action = intent.getAction();
        if (Intent.ACTION_BOOT_COMPLETED.equals(action) || Intent.ACTION_MY_PACKAGE_REPLACED.equals(action)) {
            return line("forgotten", new ArrayList<String>(), nowMs);
        }
        Bundle extras = intent.getExtras();
        Uri fence = intent.getData();
        if (fence != null && extras != null && extras.containsKey("entering")) {
            List<String> one = new ArrayList<>();
            one.add(fence.getSchemeSpecificPart());
            return line(extras.getBoolean("entering") ? "enter" : "exit", one, nowMs);
        }
        return ofPlay(intent, nowMs);
    }

    /** By reflection: an app without Play services has no such class, and still compiles. */
    private static String ofPlay(Intent intent, long nowMs) {
        try {
            Class<?> kind = Class.forName(PLAY_EVENT);
            Object event = kind.getMethod("fromIntent", Intent.class).invoke(null, intent);
            if (event == null) {
                return null;
            }
            if ((Boolean) kind.getMethod("hasError").invoke(event)) {
                return line("forgotten", new ArrayList<String>(), nowMs); // location was switched off
            }
            int transition = (Integer) kind.getMethod("getGeofenceTransition").invoke(event);
            List<String> ids = new ArrayList<>();
            for (Object each : (List<?>) kind.getMethod("getTriggeringGeofences").invoke(event)) {
                ids.add((String) each.getClass().getMethod("getRequestId").invoke(each));
            }
            return line(transition == EXIT ? "exit" : "enter", ids, nowMs);
        } catch (ReflectiveOperationException absent) {
            return null;
        }
    }

    private static String line(String kind, List<String> fences, long nowMs) {
        StringBuilder text = new StringBuilder("{\"kind\":\"").append(kind).append("\",\"fences\":[");
        for (int i = 0; i < fences.size(); i++) {
            text.append(i == 0 ? "" : ",").append(quoted(fences.get(i)));
        }
        return text.append("],\"at_ms\":").append(nowMs).append("}\n").toString();
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                quoted.append('\\').append(c);
            } else if (c < ' ') {
                quoted.append(String.format("\\u%04x", (int) c));
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }

    /** One write to a file opened for appending: a kill leaves a whole line or none. */
    static void note(File folder, String line) throws IOException {
        if (!folder.isDirectory() && !folder.mkdirs()) {
            throw new IOException("can't make " + folder);
        }
        try (FileOutputStream file = new FileOutputStream(new File(folder, "transitions.jsonl"), true)) {
            file.write(line.getBytes(StandardCharsets.UTF_8));
            file.getFD().sync();
        }
    }

    private static void startService(Context context) {
        try {
            Bundle told = context.getPackageManager()
                    .getApplicationInfo(context.getPackageName(), PackageManager.GET_META_DATA).metaData;
            String service = told == null ? null : told.getString("dev.endcap.service");
            if (service != null) {
                Intent start = new Intent();
                start.setComponent(new ComponentName(context.getPackageName(), service));
                context.startForegroundService(start);
            }
        } catch (PackageManager.NameNotFoundException | IllegalStateException | SecurityException refused) {
            return; // noted all the same; the app reads it when it is opened
        }
    }
}
