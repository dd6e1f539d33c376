"""The documented part of the Admin API as a schema. What is not here does not exist.

There is no mutation that records a payment or closes an order, as in the real API.
"""

from graphql import GraphQLSchema, build_schema

SDL = """
scalar DateTime
scalar Date
scalar Email
scalar Money
scalar PhoneNumber
scalar QueryString
scalar Quantity

type Query {
  order(id: ID!): Order
  orders(locationId: ID!, first: Int, after: String, query: QueryString): OrderConnection
  appointment(id: ID!): Appointment
  appointments(locationId: ID!, clientId: ID, first: Int, after: String): AppointmentConnection
  client(id: ID!): Client
  clients(first: Int, after: String, emails: [String!]): ClientConnection
  locations(first: Int, after: String): LocationConnection
  webhooks(first: Int, after: String): WebhookConnection
  permissions: [String!]!
}

type Mutation {
  createWebhook(input: CreateWebhookInput!): WebhookPayload
  deleteWebhook(input: WebhookIdInput!): WebhookPayload
  pingWebhook(input: WebhookIdInput!): WebhookPayload
  createClientNote(input: CreateClientNoteInput!): CreateClientNotePayload
  updateAppointment(input: UpdateAppointmentInput!): UpdateAppointmentPayload
  createAccountCreditAdjustment(input: CreateAccountCreditAdjustmentInput!): AccountCreditPayload
}

type PageInfo { hasNextPage: Boolean!, endCursor: String }
type OrderConnection { edges: [OrderEdge!]!, pageInfo: PageInfo! }
type AppointmentConnection { edges: [AppointmentEdge!]!, pageInfo: PageInfo! }
type AppointmentEdge { cursor: String!, node: Appointment! }
type OrderEdge { cursor: String!, node: Order! }
type ClientConnection { edges: [ClientEdge!]!, pageInfo: PageInfo! }
type ClientEdge { cursor: String!, node: Client! }
type LocationConnection { edges: [LocationEdge!]!, pageInfo: PageInfo! }
type LocationEdge { cursor: String!, node: Location! }
type WebhookConnection { edges: [WebhookEdge!]!, pageInfo: PageInfo! }
type WebhookEdge { cursor: String!, node: Webhook! }

type Address {
  line1: String, line2: String, city: String, state: String, zip: String, country: String
}
type Location {
  id: ID!, name: String!, businessName: String, tz: String!, externalId: ID
  address: Address
}
type Staff { id: ID!, name: String, displayName: String, firstName: String, lastName: String }
type Service { id: ID!, name: String! }
type Product { id: ID!, name: String! }

type Client {
  id: ID!, name: String, firstName: String, lastName: String, email: Email
  mobilePhone: PhoneNumber, dob: Date, externalId: ID, address: Address
  notes: [ClientNote!]!, currentAccountBalance: Money!, appointmentCount: Int!
  primaryLocation: Location, createdAt: DateTime!, updatedAt: DateTime!
}

type ClientNote { id: ID!, text: String!, type: ClientNoteType!, createdAt: DateTime! }
enum ClientNoteType { DEFAULT ALLERGY MEDICATION }

enum AppointmentState { BOOKED CONFIRMED ARRIVED ACTIVE FINAL CANCELLED }
enum SettableAppointmentState { BOOKED CONFIRMED ARRIVED ACTIVE }
enum CancellationReason {
  CLIENT_CANCEL CLIENT_LATE_CANCEL MERGED MISTAKE NO_SHOW STAFF_CANCEL VOIDED
}
type AppointmentCancellation { reason: CancellationReason!, cancelledAt: DateTime }

type Appointment {
  id: ID!, clientId: ID!, client: Client, locationId: ID!, location: Location, orderId: ID
  startAt: DateTime!, endAt: DateTime!, duration: Int!, state: AppointmentState!
  cancelled: Boolean!, cancellation: AppointmentCancellation, notes: String
  createdAt: DateTime!, appointmentServices: [AppointmentService!]!
}

type AppointmentService {
  id: ID!, serviceId: ID!, service: Service, staffId: ID, staff: Staff, price: Money
  startAt: DateTime
}

type Order {
  id: ID!
  number: String!
  clientId: ID
  client: Client
  locationId: ID!
  note: String
  createdAt: DateTime!
  updatedAt: DateTime!
  closedAt: DateTime
  closedBy: Staff
  lineGroups: [OrderLineGroup!]!
  feeLines: [OrderFeeLine!]!
  summary: OrderSummary!
  paymentGroups: [OrderPaymentGroup!]!
  appliedVouchers: [OrderAppliedVoucher!]!
  refunds: [OrderRefund!]!
}

interface OrderLineGroup { id: ID!, lines: [OrderLine!]! }
type OrderAppointmentLineGroup implements OrderLineGroup { id: ID!, lines: [OrderLine!]! }
type OrderRetailLineGroup implements OrderLineGroup { id: ID!, lines: [OrderLine!]! }

type OrderDiscount {
  id: ID!, description: String, discountAmount: Money, discountPercentage: String
}
type OrderLineProvider { id: ID!, name: String, selected: Boolean, staff: Staff }

interface OrderLine { LINE_FIELDS }
type OrderServiceLine implements OrderLine {
  LINE_FIELDS
  name: String!
  serviceId: ID!
  service: Service
  appointmentServiceId: ID
  providers: [OrderLineProvider!]!
}
type OrderProductLine implements OrderLine {
  LINE_FIELDS
  name: String!
  productId: ID!
  seller: Staff
}
type OrderGratuityLine implements OrderLine { LINE_FIELDS }
type OrderGiftCardLine implements OrderLine { LINE_FIELDS, giftCardId: ID, giftCardCode: String }
type OrderAccountCreditLine implements OrderLine { LINE_FIELDS }
type OrderProductCardLine implements OrderLine { LINE_FIELDS }

type OrderFeeLine {
  id: ID!, label: String!, absoluteAmount: Money, percentageAmount: String
  calculatedAmount: Money!, calculatedTaxAmount: Money!
}

type OrderSummary {
  currentSubtotal: Money!, currentDiscountAmount: Money!, currentTaxAmount: Money!
  currentGratuityAmount: Money!, currentFeeAmount: Money!, currentTotal: Money!
  initialSubtotal: Money!, initialDiscountAmount: Money!, initialTaxAmount: Money!
  initialGratuityAmount: Money!, initialFeeAmount: Money!, initialTotal: Money!
  refundAmount: Money!
}

type OrderPaymentGroup {
  id: ID!, total: Money!, totalFees: Money!, totalPaid: Money!, totalUnpaid: Money!
  payments: [OrderPayment!]!
}

type PaymentMeta { label: String }
interface OrderPayment { PAYMENT_FIELDS }
type OrderCardPayment implements OrderPayment {
  PAYMENT_FIELDS
  refundAmount: Money!
  paymentMeta: PaymentMeta
  cardBrand: String
  cardLast4: String
  cardExpMonth: Int
  cardExpYear: Int
}
type OrderCashPayment implements OrderPayment {
  PAYMENT_FIELDS
  refundAmount: Money!
  paymentMeta: PaymentMeta
}
type OrderGiftCardPayment implements OrderPayment {
  PAYMENT_FIELDS
  paymentMeta: PaymentMeta
  giftCardId: ID
  giftCardCode: String
}
type OrderAccountCreditPayment implements OrderPayment {
  PAYMENT_FIELDS
  refundAmount: Money!
  paymentMeta: PaymentMeta
  clientAccountBalance: Money
}
type OrderVoucherPayment implements OrderPayment {
  PAYMENT_FIELDS
  refundAmount: Money!
  paymentMeta: PaymentMeta
}
type OrderProductCardPayment implements OrderPayment {
  PAYMENT_FIELDS
  refundAmount: Money!
  paymentMeta: PaymentMeta
  productCardId: ID
  productCardBalance: Money
  productId: ID
}
type OrderOtherPayment implements OrderPayment {
  PAYMENT_FIELDS
  refundAmount: Money!
  paymentMeta: PaymentMeta
  note: String
}

type OrderAppliedVoucher { id: ID!, voucher: Voucher }
type Voucher {
  id: ID!, expiresOn: Date, redeemedAt: DateTime, services: [Service!], product: Product
}

type OrderRefund {
  id: ID!, orderId: ID!, createdAt: DateTime!, closedAt: DateTime
  payments: [OrderRefundPayment!]!
}
type OrderRefundPayment { id: ID!, orderPaymentId: ID!, refundAmount: Money! }

enum WebhookEventType {
  PING
  APPOINTMENT_CREATED APPOINTMENT_UPDATED APPOINTMENT_CONFIRMED APPOINTMENT_ARRIVED
  APPOINTMENT_ACTIVE APPOINTMENT_CANCELLED APPOINTMENT_RESCHEDULED APPOINTMENT_COMPLETED
  ORDER_COMPLETED ORDER_REFUND_CLOSED
  CLIENT_CREATED CLIENT_UPDATED
  MEMBERSHIP_CREATED MEMBERSHIP_RENEWAL_SUCCEEDED MEMBERSHIP_CANCELLED
}
type WebhookSubscription { eventType: WebhookEventType! }
type Webhook {
  id: ID!, name: String, url: String!, locationId: ID
  subscriptions: [WebhookSubscription!]!
}
type WebhookPayload { webhook: Webhook }
input WebhookSubscriptionInput { eventType: WebhookEventType! }
input CreateWebhookInput {
  locationId: ID, name: String!, url: String!, subscriptions: [WebhookSubscriptionInput!]!
}
input WebhookIdInput { id: ID! }

input CreateClientNoteInput { clientId: ID!, text: String!, type: ClientNoteType = DEFAULT }
type CreateClientNotePayload { clientNote: ClientNote, client: Client }
input UpdateAppointmentInput { id: ID!, notes: String, state: SettableAppointmentState }
type UpdateAppointmentPayload { appointment: Appointment }
input CreateAccountCreditAdjustmentInput {
  clientId: ID!, balanceDelta: Money!, adjustmentReason: String
}
type AccountCreditPayload { client: Client }
"""

LINE_FIELDS = """
  id: ID!
  quantity: Quantity!
  currentPrice: Money!
  currentSubtotal: Money!
  currentDiscountAmount: Money!
  initialPrice: Money!
  initialSubtotal: Money!
  initialDiscountAmount: Money!
  discounts: [OrderDiscount!]!
"""

PAYMENT_FIELDS = """
  id: ID!
  orderId: ID!
  merchantId: ID
  paidAmount: Money!
"""


def bare_schema() -> GraphQLSchema:
    """The schema without resolvers; stored documents have its shape, so most need none."""
    return build_schema(
        SDL.replace("PAYMENT_FIELDS", PAYMENT_FIELDS).replace("LINE_FIELDS", LINE_FIELDS)
    )
