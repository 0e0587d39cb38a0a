// SPDX-License-Identifier: GPL-2.0-or-later
// ITU-T H.225.0 annex H, version 7, module H323-MESSAGES: its messages up to the last component
// that is of use. Names are the module's.
#include "core/expect/h323_types.hpp"
#include "core/expect/per_types.hpp"

namespace l7 {

namespace {

constexpr auto mark(H323Mark one) {
    return static_cast<std::uint8_t>(one);
}
constexpr auto role(H323Role one) {
    return static_cast<std::uint8_t>(one);
}

constexpr PerType kIpv4 = per_octets(4, 4, role(H323Role::Ipv4));
constexpr PerType kIpv6 = per_octets(16, 16, role(H323Role::Ipv6));
constexpr PerType kPort = per_integer(0, 65535, role(H323Role::Port));
constexpr PerType kNested{PerType::Kind::Octets, role(H323Role::Nested)};
constexpr PerField kNestedField{&kNested};
constexpr PerType kNestedList = per_sequence_of(kNestedField);

constexpr PerType kByte = per_integer(0, 255);
constexpr PerType kWord = per_integer(0, 65535);
constexpr PerType kRequestSeqNum = per_integer(1, 65535);
constexpr PerType kBandWidth = per_integer(0, 0xffffffff);
constexpr PerType kGuid = per_octets(16, 16);
constexpr PerType kBmp128 = per_characters(16, 1, 128);
constexpr PerType kOctets4 = per_octets(4, 4);

constexpr PerField kH221Fields[] = {{&kByte}, {&kByte}, {&kWord}};
constexpr PerType kH221NonStandard = per_sequence(kOpen, kH221Fields);
constexpr PerField kIdentifiers[] = {{&kObjectIdentifier}, {&kH221NonStandard}};
constexpr PerType kNonStandardIdentifier = per_choice(kOpen, kIdentifiers);
constexpr PerField kNonStandardFields[] = {{&kNonStandardIdentifier}, {&kOctets}};
constexpr PerType kNonStandardParameter = per_sequence(kClosed, kNonStandardFields);

constexpr PerField kIpFields[] = {{&kIpv4}, {&kPort}};
constexpr PerType kIpAddress = per_sequence(kClosed, kIpFields);
constexpr PerField kRouteElement{&kOctets4};
constexpr PerType kRoute = per_sequence_of(kRouteElement);
constexpr PerField kRoutings[] = {{&kNull}, {&kNull}};
constexpr PerType kRouting = per_choice(kOpen, kRoutings);
constexpr PerField kSourceRouteFields[] = {{&kIpv4}, {&kPort}, {&kRoute}, {&kRouting}};
constexpr PerType kIpSourceRoute = per_sequence(kOpen, kSourceRouteFields);
constexpr PerType kIpx = per_octets(12, 12); // 6, 4 and 2, of which only the last is not aligned
constexpr PerField kIp6Fields[] = {{&kIpv6}, {&kPort}};
constexpr PerType kIp6Address = per_sequence(kOpen, kIp6Fields);
constexpr PerType kNsap = per_octets(1, 20);
constexpr PerField kAddresses[] = {{&kIpAddress},           {&kIpSourceRoute}, {&kIpx},
                                   {&kIp6Address},          {&kGuid},          {&kNsap},
                                   {&kNonStandardParameter}};
constexpr PerType kTransportAddress = per_choice(kOpen, kAddresses);
constexpr PerField kTransportAddressElement{&kTransportAddress};
constexpr PerType kTransportAddresses = per_sequence_of(kTransportAddressElement);

// Digits have 13 values, which takes four bits each.
constexpr PerType kDialledDigits = per_characters(4, 1, 128);
constexpr PerType kH323Id = per_characters(16, 1, 256);
constexpr PerField kAliases[] = {{&kDialledDigits}, {&kH323Id}};
constexpr PerType kAliasAddress = per_choice(kOpen, kAliases);
constexpr PerField kAliasElement{&kAliasAddress};
constexpr PerType kAliasAddresses = per_sequence_of(kAliasElement);

constexpr PerType kProductId = per_octets(1, 256);
constexpr PerField kVendorFields[] = {
    {&kH221NonStandard}, {&kProductId, true}, {&kProductId, true}};
constexpr PerType kVendorIdentifier = per_sequence(kOpen, kVendorFields);
// All the H3xxCaps, VoiceCaps and T120OnlyCaps, McuInfo, TerminalInfo and GatekeeperInfo.
constexpr PerField kNonStandardOnly[] = {{&kNonStandardParameter, true}};
constexpr PerType kCaps = per_sequence(kOpen, kNonStandardOnly);
constexpr PerField kSupported[] = {{&kNonStandardParameter},
                                   {&kCaps},
                                   {&kCaps},
                                   {&kCaps},
                                   {&kCaps},
                                   {&kCaps},
                                   {&kCaps},
                                   {&kCaps},
                                   {&kCaps}};
constexpr PerType kSupportedProtocols = per_choice(kOpen, kSupported);
constexpr PerField kSupportedElement{&kSupportedProtocols};
constexpr PerType kSupportedList = per_sequence_of(kSupportedElement);
constexpr PerField kGatewayFields[] = {{&kSupportedList, true}, {&kNonStandardParameter, true}};
constexpr PerType kGatewayInfo = per_sequence(kOpen, kGatewayFields);
constexpr PerField kEndpointFields[] = {{&kNonStandardParameter, true},
                                        {&kVendorIdentifier, true},
                                        {&kCaps, true},
                                        {&kGatewayInfo, true},
                                        {&kCaps, true},
                                        {&kCaps, true},
                                        {&kBoolean},
                                        {&kBoolean}};
constexpr PerType kEndpointType = per_sequence(kOpen, kEndpointFields);

constexpr PerField kQ954Fields[] = {{&kBoolean}, {&kBoolean}};
constexpr PerType kQ954Details = per_sequence(kOpen, kQ954Fields);
constexpr PerField kQseriesFields[] = {{&kBoolean}, {&kBoolean}, {&kBoolean}, {&kBoolean},
                                       {&kBoolean}, {&kBoolean}, {&kBoolean}, {&kQ954Details}};
constexpr PerType kQseriesOptions = per_sequence(kOpen, kQseriesFields);
constexpr PerField kTwo[] = {{&kNull}, {&kNull}};
constexpr PerField kThree[] = {{&kNull}, {&kNull}, {&kNull}};
constexpr PerField kFour[] = {{&kNull}, {&kNull}, {&kNull}, {&kNull}};
constexpr PerField kTwelve[] = {{&kNull}, {&kNull}, {&kNull}, {&kNull}, {&kNull}, {&kNull},
                                {&kNull}, {&kNull}, {&kNull}, {&kNull}, {&kNull}, {&kNull}};
constexpr PerType kCallModel = per_choice(kOpen, kTwo);
constexpr PerType kConferenceGoal = per_choice(kOpen, kThree);
constexpr PerType kCallType = per_choice(kOpen, kFour);
constexpr PerType kFacilityReason = per_choice(kOpen, kFour);
constexpr PerType kReleaseCompleteReason = per_choice(kOpen, kTwelve);
constexpr PerField kCrvElement{&kWord};
constexpr PerType kCrvList = per_sequence_of(kCrvElement);

constexpr PerField kNone{nullptr};
constexpr PerField kFastStart{&kNestedList, true, mark(H323Mark::FastStart)};
constexpr PerField kH245AddressOptional{&kTransportAddress, true, mark(H323Mark::H245Address)};

constexpr PerField kSetupFields[] = {{&kObjectIdentifier},
                                     kH245AddressOptional,
                                     {&kAliasAddresses, true},
                                     {&kEndpointType},
                                     {&kAliasAddresses, true},
                                     {&kTransportAddress, true},
                                     {&kAliasAddresses, true},
                                     {&kCrvList, true},
                                     {&kBoolean},
                                     {&kGuid},
                                     {&kConferenceGoal},
                                     {&kQseriesOptions, true},
                                     {&kCallType}};
constexpr PerField kParallelH245{&kNestedList, true, mark(H323Mark::H245Control)};
// sourceCallSignalAddress to displayName; fastStart is the seventh, parallelH245Control the 25th.
constexpr PerField kSetupMore[] = {kNone, kNone, kNone, kNone,        kNone, kNone, kFastStart,
                                   kNone, kNone, kNone, kNone,        kNone, kNone, kNone,
                                   kNone, kNone, kNone, kNone,        kNone, kNone, kNone,
                                   kNone, kNone, kNone, kParallelH245};
constexpr PerType kSetup = per_sequence(kSetupFields, kSetupMore);

// CallProceeding, Alerting.
constexpr PerField kProceedingFields[] = {
    {&kObjectIdentifier}, {&kEndpointType}, kH245AddressOptional};
constexpr PerField kFastStartFifth[] = {kNone, kNone, kNone, kNone, kFastStart};
constexpr PerType kProceeding = per_sequence(kProceedingFields, kFastStartFifth);
constexpr PerField kConnectFields[] = {
    {&kObjectIdentifier}, kH245AddressOptional, {&kEndpointType}, {&kGuid}};
constexpr PerType kConnect = per_sequence(kConnectFields, kFastStartFifth);
constexpr PerField kInformationFields[] = {{&kObjectIdentifier}};
constexpr PerField kFastStartFourth[] = {kNone, kNone, kNone, kFastStart};
constexpr PerType kInformation = per_sequence(kInformationFields, kFastStartFourth);
constexpr PerField kReleaseFields[] = {{&kObjectIdentifier}, {&kReleaseCompleteReason, true}};
constexpr PerType kReleaseComplete = per_sequence(kOpen, kReleaseFields);
constexpr PerField kFacilityFields[] = {{&kObjectIdentifier},
                                        {&kTransportAddress, true},
                                        {&kAliasAddresses, true},
                                        {&kGuid, true},
                                        {&kFacilityReason}};
constexpr PerField kFacilityMore[] = {
    kNone, kNone, kNone, kNone, kNone, kNone, kH245AddressOptional, kFastStart};
constexpr PerType kFacility = per_sequence(kFacilityFields, kFacilityMore);
// Progress has its fastStart behind tokens that are not understood here; without any, it is found.
constexpr PerField kCallIdentifierFields[] = {{&kGuid}};
constexpr PerType kCallIdentifier = per_sequence(kOpen, kCallIdentifierFields);
constexpr PerField kSecurities[] = {
    {&kNonStandardParameter}, {&kNull}, {&kNotUnderstood}, {&kNotUnderstood}};
constexpr PerType kH245Security = per_choice(kOpen, kSecurities);
constexpr PerField kProgressFields[] = {
    {&kObjectIdentifier},   {&kEndpointType},        kH245AddressOptional,    {&kCallIdentifier},
    {&kH245Security, true}, {&kNotUnderstood, true}, {&kNotUnderstood, true}, kFastStart};
constexpr PerType kProgress = per_sequence(kOpen, kProgressFields);

constexpr PerField kBodies[] = {{&kSetup},       {&kProceeding},      {&kConnect}, {&kProceeding},
                                {&kInformation}, {&kReleaseComplete}, {&kFacility}};
constexpr PerField kMoreBodies[] = {{&kProgress}};
constexpr PerType kMessageBody = per_choice(kBodies, kMoreBodies);
constexpr PerField kPduFields[] = {{&kMessageBody}, {&kNonStandardParameter, true}};
// h4501SupplementaryService, h245Tunnelling, h245Control.
constexpr PerField kPduMore[] = {kNone, kNone, {&kNestedList, true, mark(H323Mark::H245Control)}};
constexpr PerType kUuPdu = per_sequence(kPduFields, kPduMore);
constexpr PerType kUserDataText = per_octets(1, 131);
constexpr PerField kUserDataFields[] = {{&kByte}, {&kUserDataText}};
constexpr PerType kUserData = per_sequence(kOpen, kUserDataFields);
constexpr PerField kUserInformationFields[] = {{&kUuPdu}, {&kUserData, true}};

constexpr PerField kGatekeeperConfirmFields[] = {
    {&kRequestSeqNum},
    {&kObjectIdentifier},
    {&kNonStandardParameter, true},
    {&kBmp128, true},
    {&kTransportAddress, false, mark(H323Mark::RasAddress)}};
constexpr PerType kGatekeeperConfirm = per_sequence(kOpen, kGatekeeperConfirmFields);
constexpr PerField kRegistrationRequestFields[] = {
    {&kRequestSeqNum},
    {&kObjectIdentifier},
    {&kNonStandardParameter, true},
    {&kBoolean},
    {&kTransportAddresses, false, mark(H323Mark::CallSignalAddress)},
    {&kTransportAddresses},
    {&kEndpointType},
    {&kAliasAddresses, true},
    {&kBmp128, true},
    {&kVendorIdentifier}};
constexpr PerType kRegistrationRequest = per_sequence(kOpen, kRegistrationRequestFields);
constexpr PerType kIrrFrequency = per_integer(1, 65535);
constexpr PerField kAdmissionConfirmFields[] = {
    {&kRequestSeqNum},      {&kBandWidth},
    {&kCallModel},          {&kTransportAddress, false, mark(H323Mark::CallSignalAddress)},
    {&kIrrFrequency, true}, {&kNonStandardParameter, true}};
constexpr PerType kAdmissionConfirm = per_sequence(kOpen, kAdmissionConfirmFields);
constexpr PerField kLocationConfirmFields[] = {
    {&kRequestSeqNum},
    {&kTransportAddress, false, mark(H323Mark::CallSignalAddress)},
    {&kTransportAddress, false, mark(H323Mark::RasAddress)},
    {&kNonStandardParameter, true}};
constexpr PerType kLocationConfirm = per_sequence(kOpen, kLocationConfirmFields);

constexpr PerField kOther{&kNull}; // its bytes are not looked at, and nothing is behind it
constexpr PerField kRasMessages[] = {kOther,
                                     {&kGatekeeperConfirm},
                                     kOther,
                                     {&kRegistrationRequest},
                                     kOther,
                                     kOther,
                                     kOther,
                                     kOther,
                                     kOther,
                                     kOther,
                                     {&kAdmissionConfirm},
                                     kOther,
                                     kOther,
                                     kOther,
                                     kOther,
                                     kOther,
                                     kOther,
                                     kOther,
                                     kOther,
                                     {&kLocationConfirm},
                                     kOther,
                                     kOther,
                                     kOther,
                                     kOther,
                                     kOther};

} // namespace

const PerType kH323UserInformation = per_sequence(kOpen, kUserInformationFields);
const PerType kRasMessage = per_choice(kOpen, kRasMessages);

} // namespace l7
