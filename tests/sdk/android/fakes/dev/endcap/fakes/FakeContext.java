package dev.endcap.fakes;

import android.content.ContextWrapper;
import android.content.Intent;
import android.os.Looper;
import java.io.File;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;

/** An app without an OS: what it is allowed and what it holds is the test's to say. */
public class FakeContext extends ContextWrapper {
    public final FakeLocationManager location = new FakeLocationManager(this);
    public final Set<String> granted = new HashSet<>();
    public final Set<String> explainable = new HashSet<>(); // refused once, not for good
    public final List<String> calls = new ArrayList<>();
    public final FakePreferences preferences = new FakePreferences();
    public String files = "";

    public FakeContext() {
        super(null);
    }

    @Override
    public Object getSystemService(String name) {
        return "location".equals(name) ? location : "power".equals(name) ? new FakePower() : null;
    }

    @Override
    public int checkSelfPermission(String permission) {
        return granted.contains(permission) ? 0 : -1;
    }

    @Override
    public String getPackageName() {
        return "org.example.shop";
    }

    @Override
    public String getAttributionTag() {
        return null;
    }

    @Override
    public Executor getMainExecutor() {
        return Runnable::run;
    }

    /** A real one wants native code to be made; this one was never made, and is only handed on. */
    @Override
    public Looper getMainLooper() {
        try {
            Class<?> kind = Class.forName("sun.misc.Unsafe");
            java.lang.reflect.Field only = kind.getDeclaredField("theUnsafe");
            only.setAccessible(true);
            return (Looper) kind.getMethod("allocateInstance", Class.class).invoke(only.get(null), Looper.class);
        } catch (ReflectiveOperationException fault) {
            throw new IllegalStateException(fault);
        }
    }

    @Override
    public File getFilesDir() {
        return new File(files);
    }

    @Override
    public android.content.SharedPreferences getSharedPreferences(String name, int mode) {
        return preferences;
    }

    @Override
    public android.content.pm.PackageManager getPackageManager() {
        throw new IllegalStateException("no package manager here");
    }

    @Override
    public void startActivity(Intent intent) {
        calls.add(intent.getAction() + " " + intent.getData());
    }

    public boolean shouldShowRequestPermissionRationale(String permission) {
        return explainable.contains(permission);
    }

    public void requestPermissions(String[] permissions, int code) {
        calls.add("ask " + String.join(" ", permissions));
    }

    public static class FakePower {
        public boolean isIgnoringBatteryOptimizations(String app) {
            return false;
        }
    }
}
