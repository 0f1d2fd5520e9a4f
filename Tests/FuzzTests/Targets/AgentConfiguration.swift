import Pserv
import Settings

func agentConfiguration(_ text: String) {
  let file = SettingsFile(name: "pserv.yaml", text: text, keys: PservSettings.keys)
  let resolver = SettingsResolver(flags: [:], environment: [:], file: file)
  do {
    _ = try PservSettings(resolver, hostName: "rack.example", fileProblems: file.problems)
  } catch {
    precondition(!error.problems.isEmpty, "a refusal says nothing")
  }
  precondition(resolver.effective(PservSettings.keys).count == PservSettings.keys.count, "a setting has no effective value")
}
