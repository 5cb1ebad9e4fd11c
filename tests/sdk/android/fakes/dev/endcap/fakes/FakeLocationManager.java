package dev.endcap.fakes;

import android.app.PendingIntent;
import android.content.Context;
import android.location.ILocationManager;
import android.location.Location;
import android.location.LocationListener;
import android.location.LocationManager;
import android.location.LocationRequest;
import android.os.Looper;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;

/** The framework's own class, with the calls that would leave the process kept instead. */
public class FakeLocationManager extends LocationManager {
    public final List<String> calls = new ArrayList<>();
    public final List<PendingIntent> alerts = new ArrayList<>();
    public final Set<String> providers = new HashSet<>();
    public LocationListener listener;
    public boolean on = true;
    public boolean refusing;

    public FakeLocationManager(Context context) {
        super(context, (ILocationManager) Proxy.newProxyInstance(
                FakeLocationManager.class.getClassLoader(), new Class<?>[] {ILocationManager.class},
                (proxy, method, arguments) -> null));
    }

    @Override
    public boolean isLocationEnabled() {
        return on;
    }

    @Override
    public boolean hasProvider(String provider) {
        return providers.contains(provider);
    }

    @Override
    public void requestLocationUpdates(String provider, long ms, float metres, LocationListener to, Looper looper) {
        ask(String.format("%s %d %.0f", provider, ms, metres), to);
    }

    @Override
    public void requestLocationUpdates(String provider, LocationRequest request, Executor by, LocationListener to) {
        ask(String.format("%s %d %.0f quality %d", provider, request.getIntervalMillis(),
                request.getMinUpdateDistanceMeters(), request.getQuality()), to);
    }

    @Override
    public void removeUpdates(LocationListener gone) {
        calls.add("remove");
        listener = null;
    }

    @Override
    public void addProximityAlert(double latitude, double longitude, float metres, long ms, PendingIntent intent) {
        refuse();
        calls.add(String.format("watch %.4f %.4f %.0f %d", latitude, longitude, metres, ms));
        alerts.add(intent);
    }

    @Override
    public void removeProximityAlert(PendingIntent intent) {
        calls.add("unwatch " + intent.intent.getData().getSchemeSpecificPart());
    }

    public void locate(Location location) {
        listener.onLocationChanged(location);
    }

    public void locate(List<Location> locations) {
        listener.onLocationChanged(locations);
    }

    private void ask(String what, LocationListener to) {
        refuse();
        calls.add(what);
        listener = to;
    }

    private void refuse() {
        if (refusing) {
            throw new SecurityException("uid 10123 does not have android.permission.ACCESS_FINE_LOCATION");
        }
    }
}
