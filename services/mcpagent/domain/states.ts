/** How a component is, as far as the agent knows. */
export type ComponentState = "running" | "starting" | "stopped" | "backoff" | "failed";
export type HealthState = "healthy" | "unhealthy" | "unknown";

/** A service's state in one word, from those of its components. */
export function serviceState(
  desired: "running" | "stopped",
  components: readonly { state: ComponentState; health: HealthState }[],
): "running" | "stopped" | "starting" | "degraded" | "failed" {
  if (components.length === 0 || components.every(({ state }) => state === "stopped")) {
    return desired === "running" ? "failed" : "stopped";
  }
  if (components.every(({ state }) => state === "failed" || state === "stopped")) return "failed";
  if (components.some(({ state }) => state === "failed" || state === "backoff" || state === "stopped")) {
    return "degraded";
  }
  if (components.some(({ health }) => health === "unhealthy")) return "degraded";
  return components.some(({ state }) => state === "starting") ? "starting" : "running";
}
